//! Who else is asked before an object is stored: webhooks, and policies.

mod policies;
mod webhooks;

pub use policies::{VALIDATING_ADMISSION_POLICY, VALIDATING_ADMISSION_POLICY_BINDING};
pub use webhooks::{MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION};
