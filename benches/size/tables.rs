//! The results as Markdown tables.

use std::fmt::Write;

use anyhow::Result;
use support::measure::{median, sorted};

use crate::forms::FormName;
use crate::inputs::Origin;
use crate::loading::Load;
use crate::rivals::Rival;
use crate::sizes::Size;
use crate::{Measured, Row};

const NOTHING: &str = "–";

/// Bytes of wheels and of their modules.
pub fn sizes(rows: &[Row]) -> Result<String> {
    let mut text = String::from(
        "## Size\n\nBytes of the wheel, and of its modules together: as they are, and each compressed by gzip (level 9) and brotli \
         (quality 9). *Upgraded* is `-O0`, *optimised* the default; ratios are to the original, which means the form for another \
         exception handling where it was built for 2024.\n\n",
    );
    writeln!(text, "| wheel | form | wheel | ratio | modules | ratio | gzip | ratio | brotli | ratio |\n|{}", "---|".repeat(10))?;
    for row in rows {
        let Some(original) = row.before().map(|before| before.size) else { continue };
        for (index, measured) in row.forms.iter().enumerate() {
            let name = if index == 0 { &row.name } else { "" };
            write!(text, "| {name} | {} |", measured.form.label())?;
            for bytes in [|size: &Size| size.wheel, |size: &Size| size.raw, |size: &Size| size.gzip, |size: &Size| size.brotli] {
                write!(text, " {} | {} |", bytes(&measured.size), ratio(bytes(&measured.size), bytes(&original)))?;
            }
            text.push('\n');
        }
    }
    text.push_str("\nGeometric mean of the sizes of wheels, optimised to original and to upgraded:\n\n");
    writeln!(text, "| wheels | number | to original | to upgraded |\n|---|---|---|---|")?;
    means(&mut text, "all but the generated one", rows, |row| row.origin != Origin::Generated)?;
    means(&mut text, "built for 2024, with invokes or more than 100 exports", rows, rich)?;
    means(&mut text, "built for 2024, others", rows, |row| row.origin == Origin::Pyodide2024 && !rich(row))?;
    means(&mut text, "built for 2025", rows, |row| row.origin == Origin::Pyodide2025)?;
    means(&mut text, "from the Python package index", rows, |row| row.origin == Origin::Index)?;
    text.push('\n');
    Ok(text)
}

/// Built for 2024, and there is something to gain: invokes or more than 100 exports.
fn rich(row: &Row) -> bool {
    let gain = |before: &Measured| before.size.invokes > 0 || before.size.exports > 100;
    row.origin == Origin::Pyodide2024 && row.before().is_some_and(gain)
}

fn means(text: &mut String, name: &str, rows: &[Row], belongs: impl Fn(&Row) -> bool) -> Result<()> {
    let rows: Vec<&Row> = rows.iter().filter(|row| belongs(row)).collect();
    let (original, upgraded) = (mean(&rows, FormName::Original), mean(&rows, FormName::Upgraded));
    Ok(writeln!(text, "| {name} | {} | {original} | {upgraded} |", rows.len())?)
}

/// The geometric mean of the sizes of wheels, optimised to `form`.
fn mean(rows: &[&Row], form: FormName) -> String {
    let ratios = rows.iter().filter_map(|row| Some((row.after()?.size.wheel as f64 / row.form(form)?.size.wheel as f64).ln()));
    let ratios: Vec<f64> = ratios.collect();
    if ratios.is_empty() {
        return NOTHING.to_string();
    }
    format!("{:.3}", (ratios.iter().sum::<f64>() / ratios.len() as f64).exp())
}

fn ratio(over: u64, under: u64) -> String {
    if under == 0 { NOTHING.to_string() } else { format!("{:.3}", over as f64 / under as f64) }
}

/// What is in the modules.
pub fn contents(rows: &[Row]) -> Result<String> {
    let mut text = String::from(
        "## Contents\n\nExports, imports, functions and bytes of relocation code (the body of `__wasm_apply_data_relocs`) of all \
         modules of a wheel, upgraded → optimised.\n\n| wheel | exports | imports | functions | relocation code |\n|---|---|---|---|---|\n",
    );
    for row in rows {
        let (Some(before), Some(after)) = (row.form(FormName::Upgraded), row.after()) else { continue };
        write!(text, "| {} |", row.name)?;
        for count in
            [|size: &Size| size.exports, |size: &Size| size.imports, |size: &Size| size.functions, |size: &Size| size.relocations]
        {
            write!(text, " {} → {} |", count(&before.size), count(&after.size))?;
        }
        text.push('\n');
    }
    text.push('\n');
    Ok(text)
}

/// Times to load.
pub fn loading(rows: &[Row], rounds: usize) -> Result<String> {
    let mut text = format!(
        "## Loading\n\nMilliseconds to compile and to instantiate the modules of a wheel, and from its installation to the end of its \
         import (or of loading all its modules, where importing needs other packages): medians (fastest to slowest) of {rounds} rounds, \
         each in processes of their own that take turns. Originals for 2024 run on Pyodide 0.27.7, everything else on 0.29.5.\n\n"
    );
    text.push_str("| wheel | form | compile | instantiate | total | to original | to upgraded |\n|---|---|---|---|---|---|---|\n");
    for row in rows {
        let total = |measured: &Measured| median(&sorted(measured.loads.iter().map(|load| load.total)));
        let others = [FormName::Original, FormName::Upgraded].map(|form| row.form(form).filter(|form| !form.loads.is_empty()));
        for (index, measured) in row.forms.iter().enumerate() {
            let name = if index == 0 { &row.name } else { "" };
            write!(text, "| {name} | {} |", measured.form.label())?;
            for time in [|load: &Load| load.compile, |load: &Load| load.instantiate, |load: &Load| load.total] {
                write!(text, " {} |", spread(measured.loads.iter().map(time)))?;
            }
            for other in others {
                let ratio = other.filter(|_| !measured.loads.is_empty()).map(|other| total(measured) / total(other));
                write!(text, " {} |", ratio.map_or_else(|| NOTHING.to_string(), |ratio| format!("{ratio:.2}")))?;
            }
            text.push('\n');
        }
    }
    text.push('\n');
    Ok(text)
}

/// Median, smallest and largest.
fn spread(values: impl Iterator<Item = f64>) -> String {
    let values = sorted(values);
    let (Some(smallest), Some(largest)) = (values.first(), values.last()) else { return NOTHING.to_string() };
    format!("{:.1} ({smallest:.1} to {largest:.1})", median(&values))
}

/// What other tools make of the original modules.
pub fn rivals(rows: &[Row]) -> Result<String> {
    let mut text =
        String::from("## Other tools\n\nBytes of the modules, as they are and compressed by gzip, relative to the original.\n\n");
    for rival in Rival::ALL {
        match rival.version() {
            Some(version) => writeln!(text, "- `{}`: {version}", rival.label())?,
            None => writeln!(text, "- `{}`: not in PATH, not measured", rival.label())?,
        }
    }
    text.push_str("\n| wheel | optimised |");
    Rival::ALL.iter().for_each(|rival| text.push_str(&format!(" {} |", rival.label())));
    writeln!(text, "\n|{}", "---|".repeat(2 + Rival::ALL.len()))?;
    for row in rows {
        let (Some(before), Some(after)) = (row.before(), row.after()) else { continue };
        let both = |size: &Size| format!("{} / {}", ratio(size.raw, before.size.raw), ratio(size.gzip, before.size.gzip));
        write!(text, "| {} | {} |", row.name, both(&after.size))?;
        for (_, size) in &row.rivals {
            write!(text, " {} |", size.as_ref().map_or_else(|| NOTHING.to_string(), both))?;
        }
        text.push('\n');
    }
    Ok(text)
}
