//! The cost of verifying: a features file read whole through larder, and by the same Parquet reader without looking at
//! checksums, in turns.
//!
//! ```text
//! cargo run --release --package larder-store --example checksum_cost -- FILE [TURNS]
//! ```

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::time::Instant;

use larder_store::open_checked;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

fn rows<R: ChunkReader + 'static>(file: R) -> Result<usize, Box<dyn Error>> {
    let mut rows = 0;
    for batch in ParquetRecordBatchReaderBuilder::try_new(file)?.build()? {
        rows += batch?.num_rows();
    }
    Ok(rows)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("which file?")?;
    let turns: usize = args.next().map_or(Ok(15), |turns| turns.parse())?;
    let path = Path::new(&path);
    let mut ratios = Vec::new();
    for turn in 0..turns {
        let checked = || -> Result<f64, Box<dyn Error>> {
            let start = Instant::now();
            rows(open_checked(path)?)?;
            Ok(start.elapsed().as_secs_f64())
        };
        let plain = || -> Result<f64, Box<dyn Error>> {
            let start = Instant::now();
            rows(File::open(path)?)?;
            Ok(start.elapsed().as_secs_f64())
        };
        let (checked, plain) = if turn % 2 == 0 {
            (checked()?, plain()?)
        } else {
            let plain = plain()?;
            (checked()?, plain)
        };
        ratios.push(checked / plain);
    }
    ratios.sort_by(f64::total_cmp);
    let (rows, bytes) = (rows(open_checked(path)?)?, path.metadata()?.len());
    println!(
        "{rows} rows, {bytes} bytes: reading with checksums takes {:.2} of the time without (median of {turns} pairs, {:.2} to {:.2})",
        ratios[turns / 2],
        ratios[0],
        ratios[turns - 1]
    );
    Ok(())
}
