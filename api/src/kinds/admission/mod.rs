//! Who else is asked before an object is stored: webhooks, and policies.

mod mutating_policies;
mod policies;
mod webhooks;

pub use mutating_policies::{MUTATING_ADMISSION_POLICY, MUTATING_ADMISSION_POLICY_BINDING};
pub use policies::{VALIDATING_ADMISSION_POLICY, VALIDATING_ADMISSION_POLICY_BINDING};
pub use webhooks::{MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION};
