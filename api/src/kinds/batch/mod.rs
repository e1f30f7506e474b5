//! Work that ends: once, or again and again.

mod cron_job;
mod job;

pub use cron_job::CRON_JOB;
pub use job::JOB;
