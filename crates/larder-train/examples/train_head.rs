//! Trains a logistic head on a features file and saves it.
//!
//! ```text
//! cargo run -p larder-train --example train_head -- FEATURES.parquet OUTPUT
//! ```
//!
//! The file has one labelled row a text, as `larder encode` writes it into `artifacts/features`.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

use larder_store::FeaturesFile;
use larder_train::{FeatureColumn, TrainSettings, train};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [features, output] = arguments.as_slice() else {
        eprintln!("usage: train_head FEATURES.parquet OUTPUT");
        std::process::exit(2);
    };
    let file = FeaturesFile::open(Path::new(features))?;
    let names: Vec<String> = file.labels()?.into_iter().collect::<Option<_>>().ok_or("a row has no label")?;
    let classes: Vec<String> = names.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let labels: Vec<usize> = names.iter().filter_map(|name| classes.binary_search(name).ok()).collect();
    let mut columns = Vec::new();
    for column in file.columns() {
        let values = Array2::from_shape_vec((file.rows(), column.width), file.column(&column.name)?)?;
        columns.push(FeatureColumn::new(&column.name, values));
    }

    let columns: Vec<&FeatureColumn> = columns.iter().collect();
    let trained = train(&columns, &labels, &classes, &TrainSettings::default(), &mut |_| {})?;
    trained.head.save(Path::new(output))?;
    println!("on the {} rows trained on: accuracy {:.3}", labels.len(), trained.train_scores.accuracy);
    if let Some(scores) = trained.out_of_fold_scores {
        println!("on held-out folds: accuracy {:.3}, MCC {:.3}", scores.accuracy, scores.mcc);
    }
    println!("head in {output}");
    Ok(())
}
