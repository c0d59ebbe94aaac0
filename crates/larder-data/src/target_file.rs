//! Columns of anybody's file that hold targets: gold, predicted, and the probabilities behind them.

use std::path::{Path, PathBuf};

use crate::choice::{Format, InputFormat};
use crate::column_ref::{ColumnRef, ColumnRefs};
use crate::error::DataError;
use crate::layout::Layout;
use crate::row::{Fault, Purpose, RowReader};
use crate::row_problem::RowProblem;
use crate::table::TableRows;
use crate::target::Target;
use crate::target_columns::{RowTarget, TargetColumns};
use crate::text_format::open_text;

/// A CSV, TSV, JSON lines or Parquet file of which columns of targets are read, and nothing else.
#[derive(Debug, Clone)]
pub struct TargetFile {
    path: PathBuf,
    layout: Layout,
}

/// Labels that are known before a file is read.
#[derive(Debug, Clone, Copy)]
pub struct KnownLabels<'a> {
    /// Their names; empty if any label may be there.
    pub names: &'a [String],
    /// The text between labels, where one text holds them; a list in JSON otherwise.
    pub separator: Option<&'a str>,
}

impl TargetFile {
    /// Says how the file at `path` is laid out: in `format`, else as its name ends; `header` and `quoting` as in a
    /// [`Layout`], else as the format usually has them.
    ///
    /// # Errors
    /// [`DataError::NoColumnFormat`].
    pub fn new(
        path: &Path,
        format: Option<Format>,
        header: Option<bool>,
        quoting: Option<bool>,
    ) -> Result<Self, DataError> {
        let format = format.or_else(|| InputFormat::of_named(path).and_then(InputFormat::rows));
        let format = format.filter(|format| *format != Format::Conll);
        let format = format.ok_or_else(|| DataError::NoColumnFormat { path: path.to_owned() })?;
        let usual = Layout::of_format(format);
        let (header, quoting) = (header.unwrap_or(usual.header), quoting.unwrap_or(usual.quoting));
        Ok(Self { path: path.to_owned(), layout: Layout { header, quoting, ..usual } })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the labels of each row, `[rows]`: of a column of lists or texts, or of several, each of which says yes or no to
    /// a label. Several are called as `known`, else as themselves.
    ///
    /// # Errors
    /// [`DataError::ColumnName`], [`DataError::MissingColumn`], [`DataError::BadRow`] (a label that is none of the known),
    /// [`DataError::Empty`], and those of reading the file.
    pub fn labels(&self, columns: &[String], known: KnownLabels<'_>) -> Result<Vec<Vec<String>>, DataError> {
        let columns = self.columns(columns)?;
        let is_text = matches!(self.layout.format, Format::Csv | Format::Tsv);
        let targets = TargetColumns::of_labels(&columns, known.separator, is_text, known.names);
        let names = larder_errors::Names::new(known.names.iter().cloned());
        self.rows(targets, |target| match target {
            Some(RowTarget::Target(Target::Labels(labels))) => {
                let unknown = labels.iter().find(|label| !known.names.is_empty() && !known.names.contains(label));
                match unknown {
                    Some(label) => Err(RowProblem::UnknownLabel { label: label.clone(), known: names.clone() }),
                    None => Ok(labels),
                }
            }
            _ => Ok(Vec::new()),
        })
    }

    /// Reads the number of each row, `[rows]`.
    ///
    /// # Errors
    /// As [`labels`](Self::labels); a bad row is one without a finite number.
    pub fn numbers(&self, column: &str) -> Result<Vec<f64>, DataError> {
        let targets = TargetColumns::of_numbers(self.column(column)?);
        self.rows(targets, |target| match target {
            Some(RowTarget::Target(Target::Number(number))) => Ok(number),
            _ => Err(RowProblem::MissingValue { column: column.to_owned() }),
        })
    }

    /// Reads a probability for each of `labels` in each row, row-major `[rows, labels]`: of a column of lists, or of several
    /// columns, in the order of `labels` if `in_order`; of objects of JSON by name.
    ///
    /// # Errors
    /// As [`labels`](Self::labels); a bad row is one without as many numbers from 0 to 1, or with a list where the order is
    /// not known.
    pub fn probabilities(&self, columns: &[String], labels: &[String], in_order: bool) -> Result<Vec<f64>, DataError> {
        let targets = TargetColumns::of_probabilities(&self.columns(columns)?, labels, in_order);
        let rows = self.rows(targets, |target| match target {
            Some(RowTarget::Probabilities(probabilities)) => Ok(probabilities),
            _ => Ok(Vec::new()),
        })?;
        Ok(rows.concat())
    }

    fn column(&self, given: &str) -> Result<ColumnRef, DataError> {
        ColumnRef::of_flag(given, self.layout.format, self.layout.header).map_err(|reason| DataError::ColumnName {
            path: self.path.clone(),
            column: given.to_owned(),
            reason,
        })
    }

    fn columns(&self, given: &[String]) -> Result<ColumnRefs, DataError> {
        Ok(match given {
            [one] => ColumnRefs::One(self.column(one)?),
            several => ColumnRefs::Several(several.iter().map(|column| self.column(column)).collect::<Result<_, _>>()?),
        })
    }

    /// Reads the targets of all rows, each as `take` makes it.
    fn rows<T>(
        &self,
        targets: TargetColumns,
        take: impl Fn(Option<RowTarget>) -> Result<T, RowProblem>,
    ) -> Result<Vec<T>, DataError> {
        let (path, empty) = (self.path.clone(), || DataError::Empty { path: self.path.clone() });
        let file = larder_files::open(&path).map_err(|source| DataError::Open { path: path.clone(), source })?;
        let metadata = file.metadata().map_err(|source| DataError::Read { path: path.clone(), source })?;
        if metadata.len() == 0 {
            return Err(empty());
        }
        let layout = Layout { columns: targets.alone(), targets: Some(targets), ..self.layout.clone() };
        let mut rows: Box<dyn RowReader> = match layout.format {
            Format::Parquet => Box::new(TableRows::open(&layout, path, file, Purpose::Learn)?),
            _ => open_text(&layout, path, Box::new(file), Purpose::Learn)?,
        };
        let mut found = Vec::new();
        while let Some(row) = rows.next_row() {
            let bad = |place, problem| DataError::BadRow { path: self.path.clone(), place, problem: Box::new(problem) };
            let row = match row {
                Ok(row) => row,
                Err(Fault::Bad { place, problem }) => return Err(bad(place, problem)),
                Err(Fault::Fatal(error)) => return Err(error),
            };
            let place = crate::row::place(layout.format, row.line);
            let target = row.target.map_err(|(place, problem)| bad(place, problem))?;
            found.push(take(target).map_err(|problem| bad(place, problem))?);
        }
        if found.is_empty() { Err(empty()) } else { Ok(found) }
    }
}
