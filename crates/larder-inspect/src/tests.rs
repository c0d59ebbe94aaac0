//! Whole files: against numpy, of every type that holds vectors, and broken ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float32Array, Int32Array, ListArray, RecordBatch, StringArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use tempfile::TempDir;

use crate::{Bin, InspectError, InspectOptions, Inspection, ParquetFile, Query, VectorStatistics, inspect, nearest};

const ROWS: usize = 600;
const DIMENSION: usize = 24;

/// The vectors of `tests/goldens/inspect/recipe.py`, `[600, 24]`.
fn vectors() -> Vec<f32> {
    let split_mix = |n: u64| {
        let mut z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut values = vec![0.0; ROWS * DIMENSION];
    for (at, value) in values.iter_mut().enumerate() {
        let (row, dimension) = (at / DIMENSION, at % DIMENSION);
        let share = (split_mix(at as u64) >> 40) as f64 / f64::from(1u32 << 24) - 0.5;
        *value = match (row, dimension) {
            (_, 5) => 0.25,
            (_, 6) => 0.0,
            (222, 0..3) => 9.0,
            _ => (share * 4.0 / (1 + dimension) as f64 + 0.3) as f32,
        };
    }
    for (copy, original) in [(100, 7), (101, 7), (350, 8)] {
        values.copy_within(original * DIMENSION..(original + 1) * DIMENSION, copy * DIMENSION);
    }
    values[13 * DIMENSION + 2] = f32::NAN;
    values[17 * DIMENSION + 3] = f32::INFINITY;
    values
}

fn expected() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/inspect/expected.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn write(folder: &TempDir, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let path = folder.path().join(name);
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    // Several row groups and pages, so that reading crosses them.
    let properties =
        WriterProperties::builder().set_max_row_group_row_count(Some(256)).set_data_page_row_count_limit(50).build();
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

fn fixed(values: &[f32], dimension: usize) -> ArrayRef {
    let element = Arc::new(Field::new("element", DataType::Float32, false));
    let values = Arc::new(Float32Array::from(values.to_vec()));
    Arc::new(FixedSizeListArray::new(element, dimension as i32, values, None))
}

fn lists(lists: &[Option<&[f32]>]) -> ArrayRef {
    let rows = lists.iter().map(|list| list.map(|values| values.iter().map(|&value| Some(value))));
    Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(rows))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{found}, numpy has {expected}");
}

fn looked_at(path: &Path) -> Inspection {
    inspect(&ParquetFile::open(path).unwrap(), &InspectOptions::default()).unwrap()
}

#[test]
fn statistics_are_those_of_numpy() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "f.parquet", vec![("mean", fixed(&vectors(), DIMENSION))]);
    let (inspection, expected) = (looked_at(&path), expected());
    let [found] = inspection.vectors.as_slice() else { panic!() };
    assert_eq!((found.dimension, found.vectors, found.missing), (DIMENSION, ROWS as u64, 0));
    assert_eq!(found.element, "Float32");
    let norms = found.norms.as_ref().unwrap();
    assert_eq!(norms.count, 598);
    close(norms.min, number(&expected["norms"]["min"]));
    close(norms.mean, number(&expected["norms"]["mean"]));
    close(norms.max, number(&expected["norms"]["max"]));
    for (found, expected) in norms.quantiles.iter().zip(expected["norm_quantiles"].as_array().unwrap()) {
        close(found.value, number(expected));
    }
    close(found.norm_of_mean.unwrap(), number(&expected["norm_of_mean"]));
    close(found.mean_cosine.unwrap(), number(&expected["mean_cosine"]));
    let spectrum = found.spectrum.as_ref().unwrap();
    close(spectrum.effective_rank, number(&expected["effective_rank"]));
    close(spectrum.variance, number(&expected["variance"]));
    for (found, expected) in spectrum.leading_shares.iter().zip(expected["leading_shares"].as_array().unwrap()) {
        close(*found, number(expected));
    }
    assert_eq!(spectrum.components_for_90_percent as u64, expected["components_for_90_percent"].as_u64().unwrap());

    let outliers = found.outliers.as_ref().unwrap();
    assert_eq!(outliers.components, spectrum.components_for_90_percent);
    assert_eq!(outliers.rows.len(), 5);
    for (found, expected) in outliers.rows.iter().zip(expected["outliers"].as_array().unwrap()) {
        assert_eq!(found.row.row, expected[0].as_u64().unwrap());
        close(found.distance, number(&expected[1]));
    }
    assert_eq!(outliers.rows[0].row.row, 222, "the planted one");
}

#[test]
fn planted_rows_and_dimensions_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let mut values = vectors();
    let found = {
        let path = write(&folder, "f.parquet", vec![("mean", fixed(&values, DIMENSION))]);
        looked_at(&path).vectors.remove(0)
    };
    assert_eq!((found.nan_values, found.infinite_values), (1, 1));
    assert_eq!((found.not_finite.count, found.not_finite.first.as_slice()), (2, [13, 17].as_slice()));
    assert_eq!((found.constant.count, found.constant.first.as_slice()), (2, [5, 6].as_slice()));
    assert_eq!((found.dead.count, found.dead.first.as_slice()), (1, [6].as_slice()));
    assert_eq!(found.zero.count, 0);
    assert_eq!((found.duplicates.rows, found.duplicates.distinct), (3, 597));
    assert_eq!((found.duplicates.groups[0].first_row, found.duplicates.groups[0].rows), (7, 3));
    assert_eq!(found.duplicates.watched_share, 1.0);

    values[11 * DIMENSION..12 * DIMENSION].fill(0.0);
    let path = write(&folder, "g.parquet", vec![("mean", fixed(&values, DIMENSION))]);
    let found = looked_at(&path).vectors.remove(0);
    assert_eq!((found.zero.count, found.zero.first.as_slice()), (1, [11].as_slice()));
    assert_eq!(found.constant.first, [6], "dimension 5 is no longer constant");
    let cosines = found.mean_cosine.unwrap();
    assert!((cosines - number(&expected()["mean_cosine"])).abs() < 0.01, "a zero vector has no cosine: {cosines}");
}

#[test]
fn every_kind_of_list_holds_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f32> = vectors().into_iter().map(|value| if value.is_finite() { value } else { 0.5 }).collect();
    let first = fixed(&values, DIMENSION);
    let of = |data_type: &DataType| {
        let path = write(&folder, "f.parquet", vec![("v", cast(&first, data_type).unwrap())]);
        looked_at(&path).vectors.remove(0)
    };
    let element = |data_type| Arc::new(Field::new("element", data_type, true));
    let fixed = |data_type| DataType::FixedSizeList(element(data_type), DIMENSION as i32);
    let single = of(&fixed(DataType::Float32));
    let columns = |statistics: VectorStatistics| VectorStatistics { element: String::new(), ..statistics };
    for same in [
        fixed(DataType::Float64),
        DataType::List(element(DataType::Float32)),
        DataType::LargeList(element(DataType::Float64)),
    ] {
        let found = of(&same);
        // Equal to the last bit but for hashes, which are of the same float64 numbers too.
        assert_eq!(columns(found), columns(single.clone()), "{same}");
    }
    let half = of(&fixed(DataType::Float16));
    assert_eq!((half.element.as_str(), half.dimension), ("Float16", DIMENSION));
    let (found, expected) = (half.spectrum.unwrap().effective_rank, single.spectrum.unwrap().effective_rank);
    assert!((found / expected - 1.0).abs() < 1e-3, "{found}, in float32 {expected}");
}

#[test]
fn the_nearest_rows_are_those_of_numpy() {
    let folder = tempfile::tempdir().unwrap();
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| format!("id{row}"))));
    let values = vectors();
    let path = write(&folder, "f.parquet", vec![("example_id", ids), ("mean", fixed(&values, DIMENSION))]);
    let file = ParquetFile::open(&path).unwrap();
    let found = nearest(&file, "mean", &Query::Row(42), None, 5).unwrap();
    assert_eq!((found.compared, found.without_direction), (597, 2));
    let expected = expected();
    for (found, expected) in found.neighbours.iter().zip(expected["nearest"].as_array().unwrap()) {
        assert_eq!(found.row.row, expected[0].as_u64().unwrap());
        close(found.cosine, number(&expected[1]));
        assert_eq!(found.row.fields["example_id"], format!("id{}", found.row.row));
    }
    assert_eq!(found.neighbours.len(), 5);
    assert_eq!(nearest(&file, "mean", &Query::Example("id42".to_owned()), None, 5).unwrap(), found);
    let given = values[42 * DIMENSION..43 * DIMENSION].iter().map(|&value| f64::from(value)).collect();
    let of_vector = nearest(&file, "mean", &Query::Vector(given), None, 6).unwrap();
    assert_eq!((of_vector.neighbours[0].row.row, of_vector.of), (42, None), "a vector's own row is one of them");
    assert_eq!(of_vector.neighbours[1..], found.neighbours[..]);
    let copies = nearest(&file, "mean", &Query::Row(101), None, 2).unwrap();
    assert_eq!(copies.neighbours.iter().map(|one| one.row.row).collect::<Vec<_>>(), [7, 100]);
    let first = nearest(&file, "mean", &Query::Row(42), Some(50), 100).unwrap();
    assert!(first.neighbours.len() == 47 && first.neighbours.iter().all(|one| one.row.row < 50));

    let said = |query: Query| nearest(&file, "mean", &query, None, 5).unwrap_err().to_string();
    assert!(said(Query::Row(600)).contains("rows are 0 to 599"));
    assert!(said(Query::Row(13)).contains("of row 13 is not finite"));
    assert!(said(Query::Example("nobody".into())).contains("`nobody`"));
    assert!(said(Query::Vector(vec![1.0; 3])).contains("dimension 24"));
    assert!(said(Query::Vector(vec![0.0; 24])).contains("given is zero"));
}

#[test]
fn labels_lengths_and_numbers_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let labels: ArrayRef = Arc::new(StringArray::from(vec![Some("b"), Some("a"), None, Some("b"), Some("b")]));
    let ids: ArrayRef = Arc::new(ListArray::from_iter_primitive::<arrow::datatypes::Int32Type, _, _>(
        [2, 4, 4, 3, 2].map(|n| Some(vec![Some(1); n])),
    ));
    let loss: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.0), Some(2.0), None, Some(f32::NAN), Some(6.0)]));
    let path = write(&folder, "t.parquet", vec![("label", labels), ("input_ids", ids), ("loss", loss)]);
    let found = looked_at(&path);
    assert!(found.vectors.is_empty() && found.layout.rows == 5);
    let labels = found.labels.unwrap();
    assert_eq!((labels.count, labels.missing, labels.majority_share), (4, 1, Some(0.75)));
    assert_eq!(labels.labels.iter().map(|l| (l.label.as_str(), l.count)).collect::<Vec<_>>(), [("b", 3), ("a", 1)]);
    let lengths = found.lengths.unwrap();
    assert_eq!((lengths.unit, lengths.count, lengths.mean, lengths.median), ("tokens", 5, 3.0, 3));
    assert_eq!(lengths.bins, [(2, 2), (3, 1), (4, 2)].map(|(n, count)| Bin { from: n, to: n, count }));
    let [loss] = found.numbers.as_slice() else { panic!() };
    assert_eq!((loss.count, loss.missing, loss.not_finite), (3, 1, 1));
    assert_eq!((loss.min, loss.mean, loss.max), (Some(1.0), Some(3.0), Some(6.0)));
    let names: Vec<&str> = found.layout.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["label", "input_ids", "loss"]);
    assert!(found.layout.columns.iter().all(|column| column.compressed_bytes > 0));

    // Words of two sentences, and one more that was cut off by `rows`.
    let positions: ArrayRef = Arc::new(Int32Array::from(vec![0, 1, 2, 0, 1, 0]));
    let tags: ArrayRef = Arc::new(StringArray::from(vec!["O", "B-x", "O", "O", "O", "B-y"]));
    let path = write(&folder, "w.parquet", vec![("position", positions), ("tag", tags)]);
    let options = InspectOptions { rows: Some(5), ..InspectOptions::default() };
    let found = inspect(&ParquetFile::open(&path).unwrap(), &options).unwrap();
    assert_eq!(found.rows_looked_at, 5);
    assert_eq!(found.labels.unwrap().count, 5);
    let lengths = found.lengths.unwrap();
    assert_eq!((lengths.count, lengths.min, lengths.max), (2, 2, 3));
}

#[test]
fn unequal_lists_are_no_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Option<&[f32]>> = vec![None, Some(&[1.0, 2.0]), Some(&[1.0, 2.0]), Some(&[1.0])];
    let path = write(&folder, "r.parquet", vec![("v", lists(&rows))]);
    let file = ParquetFile::open(&path).unwrap();
    let error = inspect(&file, &InspectOptions::default()).unwrap_err().to_string();
    assert!(error.contains("r.parquet") && error.contains("row 3 has 1 elements, expected 2"), "{error}");

    // Beside real vectors it is a note, unless it is asked for.
    let good: Vec<Option<&[f32]>> = vec![Some(&[1.0, 0.0]), None, Some(&[0.0, 1.0]), Some(&[1.0, 1.0])];
    let path = write(&folder, "s.parquet", vec![("v", lists(&rows)), ("w", lists(&good))]);
    let file = ParquetFile::open(&path).unwrap();
    let found = inspect(&file, &InspectOptions::default()).unwrap();
    assert_eq!((found.vectors.len(), found.vectors[0].vectors, found.vectors[0].missing), (1, 3, 1));
    assert!(found.notes[0].starts_with("v: ") && found.notes[0].contains("row 3"), "{:?}", found.notes);
    let asked = |column: &str| InspectOptions { columns: vec![column.to_owned()], ..InspectOptions::default() };
    assert!(matches!(inspect(&file, &asked("v")), Err(InspectError::Ragged { row: 3, .. })));
    let error = inspect(&file, &asked("x")).unwrap_err().to_string();
    assert!(error.contains("`x`") && error.contains("v, w"), "{error}");
    let empty: Vec<Option<&[f32]>> = vec![Some(&[])];
    let path = write(&folder, "e.parquet", vec![("v", lists(&empty))]);
    assert!(inspect(&ParquetFile::open(&path).unwrap(), &InspectOptions::default()).is_err());
}

#[test]
fn few_and_no_rows_have_what_can_be_had() {
    let folder = tempfile::tempdir().unwrap();
    for (rows, norm_of_mean) in [(0, None), (1, Some(5.0)), (3, Some(5.0))] {
        let values = [3.0f32, 4.0].repeat(rows);
        let path = write(&folder, "f.parquet", vec![("v", fixed(&values, 2))]);
        let found = looked_at(&path).vectors.remove(0);
        assert_eq!((found.vectors, found.norm_of_mean), (rows as u64, norm_of_mean));
        assert_eq!((found.spectrum, found.outliers), (None, None), "without variance there are no directions");
        assert_eq!(found.mean_cosine.map(|cosine| (cosine * 1e9).round()), (rows == 3).then_some(1e9));
    }
    let nulls = NullBuffer::from(vec![false; 2]);
    let element = Arc::new(Field::new_list_field(DataType::Float32, true));
    let offsets = OffsetBuffer::from_lengths([0, 0]);
    let none = ListArray::new(element, offsets, Arc::new(Float32Array::from(Vec::<f32>::new())), Some(nulls));
    let path = write(&folder, "n.parquet", vec![("v", Arc::new(none))]);
    let found = looked_at(&path).vectors.remove(0);
    assert_eq!((found.vectors, found.missing, found.dimension), (0, 2, 0));
}

#[test]
fn huge_and_missing_numbers_end_in_no_endless_search() {
    let folder = tempfile::tempdir().unwrap();
    let doubles = arrow::array::Float64Array::from(vec![1e300, 1.0, -1e300, 2.0, 1e150, 3.0, 1.0, 4.0]);
    let element = Arc::new(Field::new("element", DataType::Float64, false));
    let list = FixedSizeListArray::new(element, 2, Arc::new(doubles), None);
    let path = write(&folder, "h.parquet", vec![("v", Arc::new(list))]);
    let found = looked_at(&path).vectors.remove(0);
    assert_eq!((found.not_finite.first, found.norms.unwrap().count), (vec![0, 1], 2));
}

/// Many blocks of several columns, wider than a piece of the covariance, with rows that are missing or not finite.
#[test]
fn the_number_of_threads_changes_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, dimension) = (3000, 200);
    let value = |column: usize, at: usize| ((at * 7919 + column * 31) % 10_007) as f32 / 997.0 - 5.0 + column as f32;
    let columns = ["a", "b", "c", "d", "e", "f"].into_iter().enumerate().map(|(column, name)| {
        let mut values: Vec<f32> = (0..rows * dimension).map(|at| value(column, at)).collect();
        values[(700 + column) * dimension] = f32::NAN;
        let row = |row: usize| (row % 911 != 5).then(|| &values[row * dimension..(row + 1) * dimension]);
        (name, lists(&(0..rows).map(row).collect::<Vec<_>>()))
    });
    let path = write(&folder, "f.parquet", columns.collect());
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        // Written out, numbers are the same only where all their bits are.
        serde_json::to_string(&pool.install(|| looked_at(&path)).vectors).unwrap()
    };
    let alone = on(1);
    assert!(alone.contains("\"effective_rank\""), "{alone}");
    for threads in [2, 3, 7] {
        assert!(on(threads) == alone, "{threads} threads");
    }
}

#[test]
fn cut_and_foreign_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "f.parquet", vec![("v", fixed(&vectors(), DIMENSION))]);
    let whole = std::fs::read(&path).unwrap();
    let cut = folder.path().join("cut.parquet");
    for length in [4, 100, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&cut, &whole[..length]).unwrap();
        let error = ParquetFile::open(&cut).unwrap_err();
        assert!(matches!(error, InspectError::Damaged { .. }) && error.to_string().contains("cut.parquet"), "{error}");
    }
    for other in [&b""[..], b"PAR", b"text, more text"] {
        std::fs::write(&cut, other).unwrap();
        assert!(matches!(ParquetFile::open(&cut), Err(InspectError::NotParquet { .. })));
    }
    // A page in the middle overwritten: the footer is whole, and reading is not.
    let mut broken = whole.clone();
    broken[4..64].fill(0xff);
    std::fs::write(&cut, &broken).unwrap();
    let error = inspect(&ParquetFile::open(&cut).unwrap(), &InspectOptions::default()).unwrap_err();
    assert!(matches!(error, InspectError::Damaged { .. }), "{error}");
    assert!(matches!(ParquetFile::open(&folder.path().join("none")), Err(InspectError::Open { .. })));
    assert!(ParquetFile::open(folder.path()).is_err());
}
