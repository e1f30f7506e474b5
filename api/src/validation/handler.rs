//! The rules of probes and lifecycle hooks, which share their ways to ask a container.

use k8s_openapi::api::core::v1::{ExecAction, HTTPGetAction, Lifecycle, LifecycleHandler, Probe, TCPSocketAction};

use super::container::port_reference;
use super::{not_negative, one_of, port, required};
use crate::field::{FieldError, FieldErrors, FieldPath};

/// What is wrong with a probe. `one_success`: whether a single success must be enough, as for liveness and startup.
pub fn probe(probe: &Probe, one_success: bool, path: &FieldPath, errors: &mut FieldErrors) {
    let numbers = [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ];
    for (field, number) in numbers {
        not_negative(errors, &path.child(field), number.map(i64::from));
    }
    if let Some(threshold) = probe.success_threshold.filter(|n| one_success && *n != 1) {
        errors.push(FieldError::invalid(&path.child("successThreshold"), threshold, "must be 1"));
    }
    super::at_least(errors, &path.child("terminationGracePeriodSeconds"), probe.termination_grace_period_seconds, 1);
    if let Some(grpc) = &probe.grpc {
        port(errors, &path.child("grpc").child("port"), grpc.port);
    }
    let ways = [probe.exec.is_some(), probe.http_get.is_some(), probe.tcp_socket.is_some(), probe.grpc.is_some()];
    one_way(&ways, path, errors);
    actions((probe.exec.as_ref(), probe.http_get.as_ref(), probe.tcp_socket.as_ref()), path, errors);
}

/// What is wrong with the hooks.
pub fn lifecycle(hooks: &Lifecycle, path: &FieldPath, errors: &mut FieldErrors) {
    for (field, hook) in [("postStart", &hooks.post_start), ("preStop", &hooks.pre_stop)] {
        if let Some(hook) = hook {
            lifecycle_handler(hook, &path.child(field), errors);
        }
    }
}

fn lifecycle_handler(hook: &LifecycleHandler, path: &FieldPath, errors: &mut FieldErrors) {
    let ways = [hook.exec.is_some(), hook.http_get.is_some(), hook.tcp_socket.is_some(), hook.sleep.is_some()];
    one_way(&ways, path, errors);
    if let Some(sleep) = &hook.sleep {
        not_negative(errors, &path.child("sleep").child("seconds"), Some(sleep.seconds));
    }
    actions((hook.exec.as_ref(), hook.http_get.as_ref(), hook.tcp_socket.as_ref()), path, errors);
}

fn one_way(ways: &[bool], path: &FieldPath, errors: &mut FieldErrors) {
    match ways.iter().filter(|way| **way).count() {
        0 => errors.push(FieldError::required(path, "must specify a handler type")),
        1 => {}
        _ => errors.push(FieldError::forbidden(path, "may not specify more than 1 handler type")),
    }
}

type Actions<'a> = (Option<&'a ExecAction>, Option<&'a HTTPGetAction>, Option<&'a TCPSocketAction>);

fn actions((exec, http_get, tcp_socket): Actions<'_>, path: &FieldPath, errors: &mut FieldErrors) {
    if let Some(exec) = exec {
        let empty = exec.command.as_ref().is_none_or(Vec::is_empty);
        errors.require(!empty, || FieldError::required(&path.child("exec").child("command"), ""));
    }
    if let Some(get) = http_get {
        let path = path.child("httpGet");
        required(errors, &path.child("path"), get.path.as_deref().unwrap_or_default());
        port_reference(&get.port, &path.child("port"), errors);
        one_of(errors, &path.child("scheme"), get.scheme.as_deref(), &["HTTP", "HTTPS"]);
    }
    if let Some(socket) = tcp_socket {
        port_reference(&socket.port, &path.child("tcpSocket").child("port"), errors);
    }
}
