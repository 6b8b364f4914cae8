//! A table of sizes: a row for each input and one for all of them, as text, Markdown or JSON.

use super::text::percent;
use super::{InputReport, Report, SCHEMA_VERSION, TOOL, Tool, Totals};
use crate::plain::{Paper, plain};
use clap::ValueEnum;
use indicatif::HumanBytes;
use serde::Serialize;

/// What the table is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Markdown,
    Json,
}

/// The table as JSON.
#[derive(Debug, Serialize)]
pub struct Summary {
    schema_version: u32,
    tool: Tool,
    rows: Vec<Row>,
    totals: Totals,
}

/// One input.
#[derive(Debug, Serialize)]
struct Row {
    /// The name of the result, or of the input that has none.
    wheel: String,
    /// How many side modules there are.
    modules: usize,
    size_before: Option<u64>,
    size_after: Option<u64>,
    /// How much larger the result is, in per cent of the input.
    percent: Option<f64>,
    /// Why there is no result.
    code: Option<&'static str>,
}

impl Row {
    fn new(input: &InputReport) -> Self {
        let wheel = input.file_name.as_ref().unwrap_or(&input.input).clone();
        let percent = input.size_before.zip(input.size_after).map(|(before, after)| rounded(before, after));
        let code = input.error.as_ref().map(|failure| failure.code);
        let (size_before, size_after) = (input.size_before, input.size_after);
        Row { wheel, modules: input.modules.len(), size_before, size_after, percent, code }
    }

    fn cells(&self) -> [String; 5] {
        let size = |size: Option<u64>| size.map_or(String::new(), |size| HumanBytes(size).to_string());
        let last = match (self.percent, self.code) {
            (Some(0.0), _) => "0.0".to_string(),
            (Some(percent), _) => format!("{percent:+.1}"),
            (None, code) => code.unwrap_or_default().to_string(),
        };
        [plain(&self.wheel).into_owned(), self.modules.to_string(), size(self.size_before), size(self.size_after), last]
    }
}

fn rounded(before: u64, after: u64) -> f64 {
    (percent(before, after) * 10.0).round() / 10.0
}

const HEADINGS: [&str; 5] = ["wheel", "modules", "before", "after", "%"];

impl Summary {
    /// The sizes in `report`.
    pub fn new(report: &Report) -> Self {
        let rows = report.inputs.iter().map(Row::new).collect();
        Summary { schema_version: SCHEMA_VERSION, tool: TOOL, rows, totals: report.totals.clone() }
    }

    /// The cells of all rows, that of the totals last.
    fn cells(&self) -> Vec<[String; 5]> {
        let Totals { modules, size_before, size_after, .. } = self.totals;
        let total = Row {
            wheel: "total".to_string(),
            modules,
            size_before: Some(size_before),
            size_after: Some(size_after),
            percent: Some(rounded(size_before, size_after)),
            code: None,
        };
        self.rows.iter().chain([&total]).map(Row::cells).collect()
    }

    /// As columns of text, with a line above the totals. What has no room for the numbers beside it has them below.
    pub fn text(&self, paper: Paper) -> String {
        let cells = self.cells();
        let width = |column: usize| {
            let cells = cells.iter().map(|row| row[column].chars().count());
            cells.chain([HEADINGS[column].len()]).max().unwrap_or(0)
        };
        let widths: [usize; 5] = std::array::from_fn(width);
        let numbers = widths[1..].iter().map(|width| width + 2).sum::<usize>();
        let names = widths[0].min(paper.width.unwrap_or(usize::MAX).saturating_sub(numbers));
        let line = |row: &[String; 5]| {
            let numbers: String = (1..5).map(|column| format!("  {:>width$}", row[column], width = widths[column])).collect();
            match row[0].chars().count() <= names {
                true => format!("{:<names$}{numbers}\n", row[0]),
                false => format!("{}\n{:<names$}{numbers}\n", row[0], ""),
            }
        };
        let rule = format!("{}\n", "-".repeat(names + numbers));
        let (total, rows) = cells.split_last().map_or((String::new(), &cells[..]), |(total, rows)| (line(total), rows));
        let rows: String = rows.iter().map(line).collect();
        format!("{}{rule}{rows}{rule}{total}", line(&HEADINGS.map(str::to_string)))
    }

    /// As a table of Markdown, as on GitHub.
    pub fn markdown(&self) -> String {
        let line = |row: &[String; 5]| format!("| {} |\n", row.clone().map(|cell| cell.replace('|', "\\|")).join(" | "));
        let rows: String = self.cells().iter().map(line).collect();
        format!("{}|---|---:|---:|---:|---:|\n{rows}", line(&HEADINGS.map(str::to_string)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Failure, Status};

    fn summary() -> Summary {
        let mut good = InputReport::new("old.whl".to_string());
        good.file_name = Some("new|1.whl".to_string());
        (good.status, good.size_before, good.size_after) = (Status::Upgraded, Some(4096), Some(3000));
        let mut refused = InputReport::new("other.whl".to_string());
        refused.size_before = Some(100);
        refused.status = Status::Refused;
        refused.error = Some(Failure { code: "python-tag", message: "another Python".to_string(), offset: None });
        let inputs = vec![good, refused];
        Summary::new(&Report { totals: Totals::new(&inputs), inputs, ..Report::default() })
    }

    #[test]
    fn columns_line_up() {
        let expected = "\
wheel      modules    before     after           %
--------------------------------------------------
new|1.whl        0  4.00 KiB  2.93 KiB       -26.8
other.whl        0     100 B            python-tag
--------------------------------------------------
total            0  4.00 KiB  2.93 KiB       -26.8
";
        assert_eq!(summary().text(Paper::ENDLESS), expected);
        let expected = "\
wheel  modules    before     after           %
----------------------------------------------
new|1.whl
             0  4.00 KiB  2.93 KiB       -26.8
other.whl
             0     100 B            python-tag
----------------------------------------------
total        0  4.00 KiB  2.93 KiB       -26.8
";
        assert_eq!(summary().text(Paper { width: Some(46) }), expected);
    }

    #[test]
    fn bars_in_names_do_not_end_a_cell() {
        let expected = "\
| wheel | modules | before | after | % |
|---|---:|---:|---:|---:|
| new\\|1.whl | 0 | 4.00 KiB | 2.93 KiB | -26.8 |
| other.whl | 0 | 100 B |  | python-tag |
| total | 0 | 4.00 KiB | 2.93 KiB | -26.8 |
";
        assert_eq!(summary().markdown(), expected);
    }
}
