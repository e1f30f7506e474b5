//! The rules of security contexts.

use k8s_openapi::api::core::v1::{PodSecurityContext, SeccompProfile, SecurityContext};

use super::{Unique, one_of, required, user_id};
use crate::field::{FieldError, FieldErrors, FieldPath};

/// What is wrong with a pod's security context.
pub fn pod(context: &PodSecurityContext, path: &FieldPath, errors: &mut FieldErrors) {
    user_id(errors, &path.child("runAsUser"), context.run_as_user);
    user_id(errors, &path.child("runAsGroup"), context.run_as_group);
    user_id(errors, &path.child("fsGroup"), context.fs_group);
    for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
        user_id(errors, &path.child("supplementalGroups").index(index), Some(*group));
    }
    let policies = ["Always", "OnRootMismatch"];
    one_of(errors, &path.child("fsGroupChangePolicy"), context.fs_group_change_policy.as_deref(), &policies);
    if let Some(profile) = &context.seccomp_profile {
        seccomp(profile, &path.child("seccompProfile"), errors);
    }
    let mut names = Unique::default();
    for (index, sysctl) in context.sysctls.iter().flatten().enumerate() {
        let path = path.child("sysctls").index(index).child("name");
        required(errors, &path, &sysctl.name);
        names.add(errors, &path, &sysctl.name);
    }
}

/// What is wrong with a container's security context.
pub fn container(context: &SecurityContext, path: &FieldPath, errors: &mut FieldErrors) {
    user_id(errors, &path.child("runAsUser"), context.run_as_user);
    user_id(errors, &path.child("runAsGroup"), context.run_as_group);
    one_of(errors, &path.child("procMount"), context.proc_mount.as_deref(), &["Default", "Unmasked"]);
    if let Some(profile) = &context.seccomp_profile {
        seccomp(profile, &path.child("seccompProfile"), errors);
    }
    let escalation = path.child("allowPrivilegeEscalation");
    if context.allow_privilege_escalation != Some(false) {
        return;
    }
    if context.privileged == Some(true) {
        errors.push(FieldError::invalid(&escalation, false, "cannot be false when `privileged` is true"));
    }
    let added = context.capabilities.as_ref().and_then(|c| c.add.as_deref()).unwrap_or_default();
    if added.iter().any(|capability| matches!(capability.as_str(), "SYS_ADMIN" | "CAP_SYS_ADMIN")) {
        errors.push(FieldError::invalid(
            &escalation,
            false,
            "cannot be false when `capabilities.add` has CAP_SYS_ADMIN",
        ));
    }
}

fn seccomp(profile: &SeccompProfile, path: &FieldPath, errors: &mut FieldErrors) {
    let types = ["Localhost", "RuntimeDefault", "Unconfined"];
    one_of(errors, &path.child("type"), Some(&profile.type_), &types);
    let file = profile.localhost_profile.as_deref().unwrap_or_default();
    let file_path = path.child("localhostProfile");
    if profile.type_ == "Localhost" {
        required(errors, &file_path, file);
        super::local_path(errors, &file_path, file);
    } else {
        errors.require(file.is_empty(), || {
            FieldError::invalid(&file_path, file, "can only be set if `type` is Localhost")
        });
    }
}
