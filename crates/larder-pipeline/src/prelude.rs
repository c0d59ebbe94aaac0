#![doc = include_str!("../docs/rust.md")]

pub use larder_data::{Content, DatasetSpec, Task};
pub use larder_encode::{EncodeSettings, LayerSelection};
pub use larder_intake::{AddRequest, Encoder, add};
pub use larder_run::tasks::Answer;
pub use larder_run::{
    EncodeOptions, Event, HeadSettings, Larder, Observer, Predictor, RowAnswer, RunRecord, Silent, TrainOptions, tasks,
};
pub use larder_runtime::Device;

pub use crate::{
    EvaluateOptions, FinetuneOptions, PipelineError, RunOutcome, embed_features, encode_split, evaluate, finetune, run,
    run_finetune, tokenize_split, train,
};
