//! Writes a features file of many rows, `mean` of width 384, as `larder encode` would: `million_rows FILE.parquet [ROWS]`.

use std::path::PathBuf;

use larder_files::Provenance;
use larder_store::{
    FeatureBatch, FeatureColumnInfo, FeatureDtype, FeatureRows, TextTargets, join_parquet, rows_per_group,
    write_features_part,
};
use larder_tests::Random;

const WIDTH: usize = 384;

fn main() {
    let mut args = std::env::args().skip(1);
    let target = PathBuf::from(args.next().expect("million_rows FILE.parquet [ROWS]"));
    let rows: usize = args.next().map_or(1_000_000, |rows| rows.parse().expect("a number of rows"));
    let column = FeatureColumnInfo { name: "mean".to_owned(), width: WIDTH, dtype: FeatureDtype::F32 };
    let group = rows_per_group(std::slice::from_ref(&column));
    let mut random = Random::new(1);
    let mut parts = Vec::new();
    for first in (0..rows).step_by(group) {
        let rows = first..(first + group).min(rows);
        let values = (0..rows.len() * WIDTH).map(|_| (random.bits() >> 40) as f32 / (1 << 24) as f32 - 0.5).collect();
        let batch = FeatureBatch {
            example_ids: rows.clone().map(|row| row.to_string()).collect(),
            rows: FeatureRows::Sentences { targets: TextTargets::Label(vec![None; rows.len()]) },
            digests: rows.map(|row| (row as u128).to_le_bytes()).collect(),
            columns: vec![(column.clone(), values)],
        };
        let part = target.with_extension(format!("part{first}"));
        write_features_part(&part, batch).expect("the part is written");
        parts.push(part);
    }
    join_parquet(&parts, &target, &Provenance::new("generated", 1)).expect("the parts are joined");
    parts.iter().for_each(|part| std::fs::remove_file(part).expect("a part is removed"));
}
