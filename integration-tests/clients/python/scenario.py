"""What programs on the Python client do to a cluster, as one story: typed and dynamic, watches that go on where they ended, every kind
of patch, and streams into a pod. Ends with the first thing that is not as it should be.

It takes the cluster from KUBECONFIG; its one argument is the namespace to work in.
"""

import sys
import time
from contextlib import contextmanager

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError, UnprocessibleEntityError
from kubernetes.stream import portforward, stream

NAMESPACE = sys.argv[1]
PATIENCE = 60


def check(condition, *seen):
    if not condition:
        raise AssertionError(f"not as expected: {seen}")


def until(what, look):
    give_up = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found:
            return found
        check(time.monotonic() < give_up, what)
        time.sleep(0.1)


@contextmanager
def refused(code):
    try:
        yield
    except ApiException as error:
        check(error.status == code, error)
    else:
        raise AssertionError(f"expected {code}")


def config_map(name, value="v"):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"app": "typed"}), data={"k": value})


def typed_objects(core):
    """POST carries neither content type nor kind; PATCH is strategic by default, and a JSON patch when it is a list."""
    created = core.create_namespaced_config_map(NAMESPACE, config_map("typed"))
    check(created.metadata.uid and created.metadata.creation_timestamp, created)
    with refused(409):
        core.create_namespaced_config_map(NAMESPACE, config_map("typed"))
    patched = core.patch_namespaced_config_map("typed", NAMESPACE, {"data": {"more": "x"}})
    check(patched.data == {"k": "v", "more": "x"}, patched.data)
    patched = core.patch_namespaced_config_map("typed", NAMESPACE, [{"op": "remove", "path": "/data/more"}])
    check(patched.data == {"k": "v"}, patched.data)
    patched.data["k"] = "replaced"
    check(core.replace_namespaced_config_map("typed", NAMESPACE, patched).data["k"] == "replaced")
    with refused(409):
        core.replace_namespaced_config_map("typed", NAMESPACE, patched)
    with refused(422):
        core.create_namespaced_config_map(NAMESPACE, config_map("Not a name"))
    dry = core.create_namespaced_config_map(NAMESPACE, config_map("dry"), dry_run="All")
    check(dry.metadata.name == "dry")
    with refused(404):
        core.read_namespaced_config_map("dry", NAMESPACE)


def pages(core):
    for number in range(5):
        core.create_namespaced_config_map(NAMESPACE, config_map(f"page-{number}"))
    names, token = [], None
    while True:
        page = core.list_namespaced_config_map(NAMESPACE, label_selector="app=typed", limit=2, _continue=token)
        names += [item.metadata.name for item in page.items]
        token = page.metadata._continue
        if not token:
            break
    check(names == [f"page-{number}" for number in range(5)] + ["typed"], names)
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="app=typed")
    check(not core.list_namespaced_config_map(NAMESPACE, label_selector="app=typed").items)


def watches(core):
    """What happened between two watches is in the second one."""
    start = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version

    def changes(resource_version, count):
        watching, seen = watch.Watch(), []
        lister = core.list_namespaced_config_map
        for event in watching.stream(lister, NAMESPACE, resource_version=resource_version, timeout_seconds=PATIENCE):
            seen.append((event["type"], event["object"].metadata.name))
            if len(seen) == count:
                watching.stop()
        return seen, watching.resource_version

    core.create_namespaced_config_map(NAMESPACE, config_map("seen"))
    seen, resume = changes(start, 1)
    check(seen == [("ADDED", "seen")], seen)
    core.patch_namespaced_config_map("seen", NAMESPACE, {"data": {"k": "w"}})
    core.delete_namespaced_config_map("seen", NAMESPACE)
    seen, _ = changes(resume, 2)
    check(seen == [("MODIFIED", "seen"), ("DELETED", "seen")], seen)


def dynamic_objects(api):
    """A kind known by its name alone, as found by discovery."""
    maps = dynamic.DynamicClient(api).resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dynamic"}, "data": {"k": "v"}}
    maps.create(body=body, namespace=NAMESPACE)
    for content_type, patch, expected in [
        ("application/merge-patch+json", {"data": {"k": "merge"}}, "merge"),
        ("application/strategic-merge-patch+json", {"data": {"k": "strategic"}}, "strategic"),
        ("application/json-patch+json", [{"op": "replace", "path": "/data/k", "value": "json"}], "json"),
    ]:
        patched = maps.patch(name="dynamic", namespace=NAMESPACE, body=patch, content_type=content_type)
        check(patched.data.k == expected, patched)
    applied = maps.server_side_apply(body=body, namespace=NAMESPACE, field_manager="a", force_conflicts=True)
    check("a" in [one.manager for one in applied.metadata.managedFields], applied)
    other = {**body, "data": {"k": "other"}}
    try:
        maps.server_side_apply(body=other, namespace=NAMESPACE, field_manager="b")
        raise AssertionError("two may not own a field")
    except ConflictError as conflict:
        check(".data.k" in str(conflict.body), conflict.body)
    check(maps.get(namespace=NAMESPACE, field_selector="metadata.name=dynamic").items[0].data.k == "v")
    maps.delete(name="dynamic", namespace=NAMESPACE)
    try:
        maps.get(name="dynamic", namespace=NAMESPACE)
        raise AssertionError("it is gone")
    except NotFoundError:
        pass


DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "snakes.python.example.com"},
    "spec": {
        "group": "python.example.com",
        "scope": "Namespaced",
        "names": {"plural": "snakes", "kind": "Snake"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "properties": {"length": {"type": "integer", "minimum": 1}}},
                            "status": {"type": "object", "properties": {"awake": {"type": "boolean"}}},
                        },
                    }
                },
            }
        ],
    },
}


def custom_objects(api):
    extensions = client.ApiextensionsV1Api(api)
    name = DEFINITION["metadata"]["name"]
    utils.create_from_dict(api, DEFINITION)

    def established():
        conditions = extensions.read_custom_resource_definition(name).status.conditions or []
        return any(one.type == "Established" and one.status == "True" for one in conditions)

    until("the definition is established", established)
    place = ("python.example.com", "v1", NAMESPACE, "snakes")
    custom = client.CustomObjectsApi(api)
    snake = {"apiVersion": "python.example.com/v1", "kind": "Snake", "metadata": {"name": "kaa"}, "spec": {"length": 9}}
    custom.create_namespaced_custom_object(*place, snake)
    check(custom.list_namespaced_custom_object(*place)["items"][0]["spec"]["length"] == 9)
    custom.patch_namespaced_custom_object_status(*place, "kaa", {"status": {"awake": True}})
    check(custom.get_namespaced_custom_object(*place, "kaa")["status"]["awake"] is True)

    resource = dynamic.DynamicClient(api).resources.get(api_version="python.example.com/v1", kind="Snake")
    try:
        resource.create(body={**snake, "metadata": {"name": "short"}, "spec": {"length": 0}}, namespace=NAMESPACE)
        raise AssertionError("it is too short")
    except UnprocessibleEntityError as error:
        check("spec.length" in str(error.body), error.body)
    for event in resource.watch(namespace=NAMESPACE, timeout=PATIENCE):
        check((event["type"], event["object"].metadata.name) == ("ADDED", "kaa"), event)
        break
    custom.delete_namespaced_custom_object(*place, "kaa")
    extensions.delete_custom_resource_definition(name)


def access(api):
    authorization = client.AuthorizationV1Api(api)
    attributes = client.V1ResourceAttributes(verb="create", resource="pods", namespace=NAMESPACE)
    spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
    review = authorization.create_self_subject_access_review(client.V1SelfSubjectAccessReview(spec=spec))
    check(review.status.allowed, review)
    who = client.AuthenticationV1Api(api).create_self_subject_review(client.V1SelfSubjectReview())
    check(who.status.user_info.username.startswith("system:serviceaccount:clients:"), who)
    core = client.CoreV1Api(api)
    until("the account of the namespace", lambda: core.list_namespaced_service_account(NAMESPACE).items)
    token = client.AuthenticationV1TokenRequest(spec=client.V1TokenRequestSpec(audiences=["vault"]))
    token = core.create_namespaced_service_account_token("default", NAMESPACE, token)
    check(token.status.token.count(".") == 2)


POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "box", "namespace": NAMESPACE},
    "spec": {
        "terminationGracePeriodSeconds": 1,
        "containers": [
            {
                "name": "box",
                "image": "localhost/busybox:1",
                "imagePullPolicy": "IfNotPresent",
                "command": ["sh", "-c", "echo ready; exec httpd -f -p 8080 -h /etc"],
            }
        ],
    },
}


def pods(api, core):
    utils.create_from_dict(api, POD)
    until("the pod runs", lambda: core.read_namespaced_pod("box", NAMESPACE).status.phase == "Running")
    command = ["sh", "-c", "read line; echo heard $line; echo lost >&2; exit 3"]
    process = stream(
        core.connect_get_namespaced_pod_exec, "box", NAMESPACE, command=command,
        stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False,
    )
    process.write_stdin("me\n")
    process.run_forever(timeout=PATIENCE)
    check(process.read_stdout() == "heard me\n" and process.read_stderr() == "lost\n", process)
    check(process.returncode == 3, process.returncode)
    plain = stream(
        core.connect_get_namespaced_pod_exec, "box", NAMESPACE, command=["echo", "hello"],
        stdin=False, stdout=True, stderr=True, tty=False,
    )
    check(plain == "hello\n", plain)
    forwarded(core)
    check(core.read_namespaced_pod_log("box", NAMESPACE, tail_lines=1) == "ready\n")
    following = watch.Watch()
    for line in following.stream(core.read_namespaced_pod_log, "box", NAMESPACE):
        check(line == "ready", line)
        following.stop()
        break


def forwarded(core):
    forward = portforward(core.connect_get_namespaced_pod_portforward, "box", NAMESPACE, ports="8080")
    socket = forward.socket(8080)
    socket.setblocking(True)
    socket.settimeout(PATIENCE)
    socket.sendall(b"GET /passwd HTTP/1.0\r\n\r\n")
    page = b""
    while part := socket.recv(65536):
        page += part
    check(b"root:" in page and forward.error(8080) is None, page)


def workloads(api, core):
    apps = client.AppsV1Api(api)
    labels = {"app": "still"}
    template = {"metadata": {"labels": labels}, "spec": POD["spec"]}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    apps.create_namespaced_deployment(NAMESPACE, {"metadata": {"name": "still"}, "spec": spec})
    scale = apps.patch_namespaced_deployment_scale("still", NAMESPACE, {"spec": {"replicas": 1}})
    check(scale.spec.replicas == 1, scale)
    # The status is absent until the controller has looked.
    status = lambda: apps.read_namespaced_deployment_status("still", NAMESPACE).status
    until("it runs", lambda: getattr(status(), "ready_replicas", None) == 1)
    events = core.list_namespaced_event(NAMESPACE, field_selector="involvedObject.name=still")
    check(any(event.reason == "ScalingReplicaSet" for event in events.items), events)
    foreground = client.V1DeleteOptions(propagation_policy="Foreground")
    apps.delete_namespaced_deployment("still", NAMESPACE, body=foreground)

    def gone():
        return not core.list_namespaced_pod(NAMESPACE, label_selector="app=still").items

    until("its pods are gone", gone)


def main():
    config.load_kube_config()
    api, core = client.ApiClient(), client.CoreV1Api()
    check(client.VersionApi().get_code().minor == "35")
    typed_objects(core)
    pages(core)
    watches(core)
    dynamic_objects(api)
    custom_objects(api)
    access(api)
    pods(api, core)
    workloads(api, core)


main()
