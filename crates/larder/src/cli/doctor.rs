//! `larder doctor`.

use clap::Args;
use larder_pipeline::DoctorOptions;

use super::DeviceFlags;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The encoder whose speed is measured; the first that works unless given
    #[arg(long, short)]
    pub encoder: Option<String>,
    /// Do not run an encoder for two seconds
    #[arg(long)]
    pub no_speed: bool,
    #[command(flatten)]
    pub device: DeviceFlags,
}

impl DoctorArgs {
    pub fn options(&self) -> DoctorOptions {
        DoctorOptions {
            encoder: self.encoder.clone(),
            device: self.device.device,
            threads: self.device.threads,
            speed: !self.no_speed,
        }
    }
}
