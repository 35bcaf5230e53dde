//! The plot of the ratios: a line for each query, a dot for each number of rows.

use super::measure::Cost;

const LEFT: f64 = 240.0;
const WIDTH: f64 = 480.0;
const LINE: f64 = 22.0;
/// The end of the axis: larger ratios are drawn there, with their number.
const MOST: f64 = 4.0;
const COLOURS: [&str; 4] = ["#9ecae1", "#4292c6", "#084594", "#000000"];

/// The costs as SVG.
pub(crate) fn svg(costs: &[Cost]) -> String {
    let mut names: Vec<&str> = costs.iter().map(|cost| cost.query.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut sizes: Vec<u32> = costs.iter().map(|cost| cost.rows).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let at = |ratio: f64| LEFT + ratio.min(MOST) / MOST * WIDTH;
    let mut top = 30.0;
    let mut drawn = text(20.0, 20.0, "time under the policies / time with the owner named");
    for (size, colour) in sizes.iter().zip(COLOURS.iter().cycle()) {
        top += LINE;
        drawn += &dot(LEFT, top - 4.0, colour);
        drawn += &text(LEFT + 10.0, top, &format!("{size} rows"));
    }
    let begin = top + 10.0;
    for name in names {
        top += LINE;
        drawn += &text(20.0, top, name);
        for cost in costs.iter().filter(|cost| cost.query == name) {
            let size = sizes.iter().position(|size| *size == cost.rows).unwrap_or_default();
            let ratio = cost.ratio();
            drawn += &dot(at(ratio), top - 4.0, COLOURS[size % COLOURS.len()]);
            if ratio > MOST {
                drawn += &text(at(ratio) + 8.0, top, &format!("{ratio:.1}"));
            }
        }
    }
    for (ratio, colour) in [(1.0, "#888"), (1.1, "#d62728"), (2.0, "#ddd"), (3.0, "#ddd")] {
        let x = at(ratio);
        drawn += &format!(
            "<line x1=\"{x}\" x2=\"{x}\" y1=\"{begin}\" y2=\"{top}\" stroke=\"{colour}\"/>\n"
        );
        drawn += &text(x - 8.0, top + LINE, &format!("{ratio:.1}"));
    }
    let (width, height) = (LEFT + WIDTH + 60.0, top + 2.0 * LINE);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{drawn}</svg>\n"
    )
}

fn text(x: f64, y: f64, words: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\">{words}</text>\n")
}

fn dot(x: f64, y: f64, colour: &str) -> String {
    format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"4\" fill=\"{colour}\"/>\n")
}
