//! The layout of the graph of tables.

use schema_harness::report::page::graph::{Edge, Room, distinct, layers, place};

const ROOM: Room = Room { of_box: 60, of_line: 20 };

fn edges(of: &[(usize, usize)]) -> Vec<Edge> {
    distinct(of.iter().map(|&(from, to)| Edge { from, to }))
}

#[test]
fn box_is_right_of_every_box_that_its_edges_lead_to() {
    assert_eq!(layers(4, &edges(&[(1, 0), (2, 1), (2, 0), (3, 2)])), [0, 1, 2, 3]);
}

/// A team's members have users, the team has members, and each member's row names the team.
#[test]
fn cycle_is_cut_at_its_last_edge() {
    assert_eq!(layers(3, &edges(&[(1, 0), (2, 1), (1, 2), (2, 2)])), [0, 1, 2]);
    assert_eq!(layers(3, &edges(&[(0, 1), (1, 2), (2, 0)])), [2, 1, 0]);
}

/// A line that passes a layer has a place of its own there, and lies on no box.
#[test]
fn long_line_passes_between_boxes() {
    let placed = place(3, &edges(&[(1, 0), (2, 1), (2, 0)]), ROOM);
    let bends: Vec<&Vec<i32>> = placed.bends.iter().filter(|bends| !bends.is_empty()).collect();
    let [bends] = bends.as_slice() else { panic!("{placed:?}") };
    let distance = (bends[0] - placed.boxes[1].1).abs();
    assert!(distance >= 40, "{placed:?}");
}

#[test]
fn order_avoids_a_crossing() {
    let placed = place(4, &edges(&[(2, 1), (3, 0)]), ROOM);
    let [first, second, third, fourth] = placed.boxes[..] else { panic!("{placed:?}") };
    assert_eq!(first.1 < second.1, fourth.1 < third.1, "{placed:?}");
}
