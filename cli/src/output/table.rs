//! Columns for people.

/// A small table: columns are as wide as their widest cell, the last takes what is left.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table under these headings.
    pub fn titled(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|&heading| heading.to_owned()).collect()] }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The lines, each after `indent`, none ending in blanks.
    pub fn lines(&self, indent: &str) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            format!("{indent}{}", cells.join("  ")).trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }

    /// Writes it to stdout.
    pub fn print(&self, indent: &str) {
        self.lines(indent).iter().for_each(super::line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let mut table = Table::titled(&["what", "n"]);
        table.row(["größer".to_owned(), "1".to_owned()]);
        assert_eq!(table.lines(" "), [" what    n", " größer  1"]);
    }
}
