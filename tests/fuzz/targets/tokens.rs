//! Any bytes as a `tokens` file. After an odd first byte it is given checksums, so that they do not stand before everything else.

#![no_main]

use larder_fuzz::{choice, parquet_file};
use larder_store::{TokensProjection, TokensReader, read_provenance};
use libfuzzer_sys::fuzz_target;

const PROJECTIONS: [TokensProjection; 4] =
    [TokensProjection::Encode, TokensProjection::EncodeWords, TokensProjection::EncodeAlone, TokensProjection::All];

fuzz_target!(|bytes: &[u8]| {
    let Some((at, content)) = choice(bytes, 8) else { return };
    let path = parquet_file("tokens.parquet", content, at % 2 == 1);
    let _ = read_provenance(&path).map_err(|error| error.to_string());
    let reader = match TokensReader::open(&path, PROJECTIONS[at / 2]) {
        Ok(reader) => reader,
        Err(error) => return drop(error.to_string()),
    };
    let _ = (reader.rows(), reader.tokens(), reader.words(), reader.layout());
    for batch in reader {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return drop(error.to_string()),
        };
        for row in 0..batch.len() {
            let _ = (batch.example_id(row), batch.input_ids(row), batch.type_ids(row), batch.texts_alone(row));
            let _ = (batch.word_ids(row).len(), batch.document(row), batch.label(row));
            let _ = (batch.words(row).count(), batch.tags(row).map(Iterator::count));
        }
        if PROJECTIONS[at / 2] == TokensProjection::All {
            let _ = batch.rows(&path).map_err(|error| error.to_string());
        }
    }
});
