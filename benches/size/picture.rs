//! The headline as a picture: wheel size and time to load, optimised to upgraded, one row for each wheel.

use std::fmt::Write;

use anyhow::Result;
use support::measure::{median, sorted};

use crate::forms::FormName;
use crate::{Measured, Row};

/// Pixels: a row, a bar, where bars begin, what stands for the whole, the end of the picture.
const ROW: usize = 34;
const BAR: usize = 11;
const LEFT: usize = 260;
const WHOLE: usize = 480;
const WIDTH: usize = 860;
const TOP: usize = 56;

const SIZE: &str = "#3465a4";
const TIME: &str = "#e08a1e";

/// An SVG document.
pub fn picture(rows: &[Row]) -> Result<String> {
    let height = TOP + ROW * rows.len() + 16;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"20\" font-size=\"14\">Optimised, relative to upgraded only (-O0)</text>\n"
    );
    legend(&mut svg, LEFT, SIZE, "size of the wheel")?;
    legend(&mut svg, LEFT + 160, TIME, "time to load (median)")?;
    let whole = LEFT + WHOLE;
    writeln!(svg, "<line x1=\"{whole}\" y1=\"{}\" x2=\"{whole}\" y2=\"{height}\" stroke=\"#999\"/>", TOP - 6)?;
    for (index, row) in rows.iter().enumerate() {
        let (Some(before), Some(after)) = (row.form(FormName::Upgraded), row.after()) else { continue };
        let y = TOP + index * ROW;
        writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", LEFT - 8, y + BAR + 4, escaped(&row.name))?;
        bar(&mut svg, y, SIZE, after.size.wheel as f64 / before.size.wheel as f64)?;
        let time = total(after) / total(before);
        if time.is_finite() {
            bar(&mut svg, y + BAR + 1, TIME, time)?;
        }
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn total(measured: &Measured) -> f64 {
    median(&sorted(measured.loads.iter().map(|load| load.total)))
}

fn legend(svg: &mut String, x: usize, colour: &str, text: &str) -> Result<()> {
    writeln!(svg, "<rect x=\"{x}\" y=\"30\" width=\"{BAR}\" height=\"{BAR}\" fill=\"{colour}\"/>")?;
    Ok(writeln!(svg, "<text x=\"{}\" y=\"40\">{text}</text>", x + BAR + 5)?)
}

/// A bar with its ratio behind it; what would leave the picture is cut.
fn bar(svg: &mut String, y: usize, colour: &str, ratio: f64) -> Result<()> {
    let width = (ratio * WHOLE as f64).min((WIDTH - LEFT - 48) as f64);
    writeln!(svg, "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>")?;
    Ok(writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{}\" font-size=\"10\">{:.0} %</text>",
        LEFT as f64 + width + 4.0,
        y + BAR - 2,
        ratio * 100.0
    )?)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
