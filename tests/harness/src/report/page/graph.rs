//! Layout of a layered graph: positions of boxes and lines.

use std::collections::BTreeSet;

/// An edge of a graph, from a box to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
}

/// The places of all boxes and edges: layers from left to right, in each from top to bottom.
#[derive(Debug)]
pub struct Placed {
    /// Of each box: its layer, and how far down its middle is.
    pub boxes: Vec<(usize, i32)>,
    /// Of each edge: how far down it passes each layer between its ends, from the start on.
    pub bends: Vec<Vec<i32>>,
    /// How high the highest layer is.
    pub height: i32,
}

/// The height that a box takes, and an edge that passes between boxes.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    pub of_box: i32,
    pub of_line: i32,
}

/// How often the layers are put in order, from left to right and back.
const SWEEPS: usize = 8;

/// Places boxes and edges. Earlier edges take precedence: one that closes a cycle with those
/// before it points against the others.
pub fn place(boxes: usize, edges: &[Edge], room: Room) -> Placed {
    let layers = layers(boxes, edges);
    let mut slots = Slots::of(&layers, edges);
    slots.order();
    slots.placed(edges, &layers, room)
}

/// The layer of each box: the length of its longest path.
pub fn layers(boxes: usize, edges: &[Edge]) -> Vec<usize> {
    let mut layers = vec![0; boxes];
    let mut acyclic: Vec<Edge> = Vec::new();
    for edge in edges {
        if !leads(edge.to, edge.from, &acyclic) {
            acyclic.push(*edge);
        }
    }
    // Without cycles, a path has fewer steps than there are boxes.
    for _ in 0..boxes {
        for edge in &acyclic {
            layers[edge.from] = layers[edge.from].max(layers[edge.to] + 1);
        }
    }
    layers
}

/// Whether edges without cycles lead from one box to another.
fn leads(from: usize, to: usize, edges: &[Edge]) -> bool {
    from == to || edges.iter().any(|edge| edge.from == from && leads(edge.to, to, edges))
}

/// What stands in a layer: a box, or a line on its way through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Box(usize),
    Line { edge: usize, layer: usize },
}

/// The layers' slots from top to bottom, and which are joined.
struct Slots {
    layers: Vec<Vec<Slot>>,
    joined: Vec<(Slot, Slot)>,
}

impl Slots {
    fn of(layers: &[usize], edges: &[Edge]) -> Self {
        let depth = layers.iter().max().map_or(0, |deepest| deepest + 1);
        let mut slots = Self { layers: vec![Vec::new(); depth], joined: Vec::new() };
        for (at, layer) in layers.iter().enumerate() {
            slots.layers[*layer].push(Slot::Box(at));
        }
        for (at, edge) in edges.iter().enumerate() {
            let mut last = Slot::Box(edge.from);
            for layer in (layers[edge.to] + 1..layers[edge.from]).rev() {
                let line = Slot::Line { edge: at, layer };
                slots.layers[layer].push(line);
                slots.joined.push((last, line));
                last = line;
            }
            slots.joined.push((last, Slot::Box(edge.to)));
        }
        slots
    }

    /// Puts each slot near those that it is joined to, and keeps the order with the fewest
    /// crossings.
    fn order(&mut self) {
        let mut best = (self.crossings(), self.layers.clone());
        for sweep in 0..SWEEPS {
            let depth = self.layers.len();
            for step in 1..depth {
                let (layer, beside) = if sweep % 2 == 0 {
                    (step, step - 1)
                } else {
                    (depth - 1 - step, depth - step)
                };
                self.near(layer, beside);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
    }

    fn near(&mut self, layer: usize, beside: usize) {
        let place = |slot: &Slot| self.layers[beside].iter().position(|it| it == slot);
        let middle = |at: usize, slot: &Slot| {
            let joined = self.joined.iter().filter_map(|(one, other)| {
                if one == slot {
                    place(other)
                } else if other == slot {
                    place(one)
                } else {
                    None
                }
            });
            let places: Vec<usize> = joined.collect();
            // In hundredths, so that it can be sorted by.
            match places.len() {
                0 => at * 100,
                number => places.iter().sum::<usize>() * 100 / number,
            }
        };
        let slots = self.layers[layer].iter().enumerate();
        let mut slots: Vec<_> = slots.map(|(at, slot)| (middle(at, slot), at, *slot)).collect();
        slots.sort_by_key(|(middle, at, _)| (*middle, *at));
        self.layers[layer] = slots.into_iter().map(|(.., slot)| slot).collect();
    }

    fn crossings(&self) -> usize {
        let place = |slot: &Slot| {
            let places = self.layers.iter().enumerate();
            let mut places = places.map(|(at, slots)| (at, slots.iter().position(|it| it == slot)));
            places.find_map(|(at, place)| Some((at, place?))).unwrap_or_default()
        };
        let ends: Vec<_> =
            self.joined.iter().map(|(one, other)| (place(one), place(other))).collect();
        let crossed = |((a, from), (b, to)): &((usize, usize), (usize, usize))| {
            let same = ends.iter().filter(|((c, _), (d, _))| (a, b) == (c, d));
            same.filter(|((_, one), (_, other))| from < one && to > other).count()
        };
        ends.iter().map(crossed).sum()
    }

    fn placed(&self, edges: &[Edge], layers: &[usize], room: Room) -> Placed {
        let size = |slot: &Slot| match slot {
            Slot::Box(_) => room.of_box,
            Slot::Line { .. } => room.of_line,
        };
        let heights = self.layers.iter().map(|slots| slots.iter().map(size).sum::<i32>());
        let height = heights.max().unwrap_or_default();
        let mut placed = Placed {
            boxes: layers.iter().map(|layer| (*layer, 0)).collect(),
            bends: vec![Vec::new(); edges.len()],
            height,
        };
        // From right to left, so that an edge's bends are in order from its start.
        for slots in self.layers.iter().rev() {
            let mut top = (height - slots.iter().map(size).sum::<i32>()) / 2;
            for slot in slots {
                let middle = top + size(slot) / 2;
                match slot {
                    Slot::Box(at) => placed.boxes[*at].1 = middle,
                    Slot::Line { edge, .. } => placed.bends[*edge].push(middle),
                }
                top += size(slot);
            }
        }
        placed
    }
}

/// The edges without repetitions, and without those from a box to itself.
pub fn distinct(edges: impl IntoIterator<Item = Edge>) -> Vec<Edge> {
    let mut seen = BTreeSet::new();
    let is_new = |edge: &Edge| edge.from != edge.to && seen.insert(*edge);
    edges.into_iter().filter(is_new).collect()
}
