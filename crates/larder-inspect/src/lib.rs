//! Looking at Parquet files: schema, provenance, and what the vectors in them are like.
#![deny(missing_docs)]
