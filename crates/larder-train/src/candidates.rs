//! The sets of columns that are tried.

use crate::column::FeatureColumn;

/// A set of columns that a head may be trained on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    /// Positions among the columns.
    pub(crate) columns: Vec<usize>,
}

/// Each column alone, all columns of each pooling side by side, and all columns side by side.
pub(crate) fn candidates(columns: &[&FeatureColumn]) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = columns
        .iter()
        .enumerate()
        .map(|(position, column)| Candidate { name: column.name.clone(), columns: vec![position] })
        .collect();
    let mut poolings: Vec<&str> = Vec::new();
    for column in columns {
        if !poolings.contains(&column.pooling()) {
            poolings.push(column.pooling());
        }
    }
    for pooling in &poolings {
        let members: Vec<usize> =
            (0..columns.len()).filter(|&position| columns[position].pooling() == *pooling).collect();
        if members.len() > 1 {
            found.push(Candidate { name: format!("{pooling} (all {})", members.len()), columns: members });
        }
    }
    if poolings.len() > 1 {
        let name = format!("all {} columns", columns.len());
        found.push(Candidate { name, columns: (0..columns.len()).collect() });
    }
    found
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn candidates_are_each_column_each_pooling_and_all() {
        let column = |name: &str| FeatureColumn::new(name, Array2::zeros((1, 1)));
        let columns: Vec<FeatureColumn> = ["mean_l1", "mean", "cls_l1", "cls", "pooler"].map(column).into();
        let found = candidates(&columns.iter().collect::<Vec<_>>());
        let names: Vec<&str> = found.iter().map(|candidate| candidate.name.as_str()).collect();
        let expected = ["mean_l1", "mean", "cls_l1", "cls", "pooler", "mean (all 2)", "cls (all 2)", "all 5 columns"];
        assert_eq!(names, expected);
        assert_eq!(found[6].columns, [2, 3]);
        let one = candidates(&[&columns[0]]);
        assert_eq!(one.len(), 1);
        let two = candidates(&[&columns[0], &columns[1]]);
        assert_eq!(two.len(), 3);
    }
}
