//! What each controller does in one situation: the world in, the exact actions out.

// A test may fail where it stands.
#![allow(clippy::unwrap_used)]

mod support;

use expect_test::{Expect, expect};
use serde_json::json;
use support::{
    Cluster, START, at, deployment, namespace, node, owned_by, pod, reference, replica_set, running, service, with,
};
use xebec_controllers::{Controller, Moment, ObjectRef, Resource, reconcile};

fn check(cluster: &Cluster, controller: Controller, object: &ObjectRef, wanted: Expect) {
    wanted.assert_eq(&cluster.would(controller, object));
}

fn set(name: &str) -> ObjectRef {
    ObjectRef::new(Resource::REPLICA_SETS, "default", name)
}

fn mine(name: &str, with_what: serde_json::Value) -> serde_json::Value {
    with(with(pod(name, "web", json!({})), owned_by("ReplicaSet", "web", "uid-of-set-web")), with_what)
}

mod replica_sets {
    use super::*;

    #[test]
    fn creates_what_is_missing_and_reports() {
        let cluster = Cluster::of([replica_set("web", "web", 2)]);
        check(
            &cluster,
            Controller::ReplicaSet,
            &set("web"),
            expect![[r#"
            create pods/default/web-fdfdz {"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"shop","name":"main"}]}}
            tell replicasets.apps/default/web Normal SuccessfulCreate: Created pod: web-fdfdz
            create pods/default/web-z2w57 {"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"shop","name":"main"}]}}
            tell replicasets.apps/default/web Normal SuccessfulCreate: Created pod: web-z2w57
            patch status replicasets.apps/default/web@2 {"status":{"availableReplicas":0,"fullyLabeledReplicas":0,"observedGeneration":1,"readyReplicas":0,"replicas":0,"terminatingReplicas":0}}
        "#]],
        );
    }

    #[test]
    fn the_same_look_twice_creates_nothing_twice() {
        let mut cluster = Cluster::of([replica_set("web", "web", 3)]);
        let key = xebec_controllers::Key::new(Controller::ReplicaSet, set("web"));
        let first = reconcile(&cluster.world, &key, at(0));
        let again = reconcile(&cluster.world, &key, at(1));
        for action in first.actions.iter().chain(&again.actions) {
            // The second time each is refused: the name is taken, the revision has passed.
            cluster.act(action).ok();
        }
        assert_eq!(cluster.all(Resource::PODS).len(), 3);
    }

    #[test]
    fn deletes_the_least_missed_first() {
        let cluster = Cluster::of([
            with(replica_set("web", "web", 2), json!({"status": {"replicas": 5}})),
            mine("web-ready-crowded", running("n1", "10.42.0.1")),
            mine("web-ready-crowded-too", running("n1", "10.42.0.2")),
            mine("web-ready-alone", running("n2", "10.42.1.1")),
            mine("web-pending", json!({"spec": {"nodeName": "n2"}})),
            mine("web-unbound", json!({})),
        ]);
        check(
            &cluster,
            Controller::ReplicaSet,
            &set("web"),
            expect![[r#"
            delete pods/default/web-unbound@7
            tell replicasets.apps/default/web Normal SuccessfulDelete: Deleted pod: web-unbound
            delete pods/default/web-pending@6
            tell replicasets.apps/default/web Normal SuccessfulDelete: Deleted pod: web-pending
            delete pods/default/web-ready-crowded@3
            tell replicasets.apps/default/web Normal SuccessfulDelete: Deleted pod: web-ready-crowded
            patch status replicasets.apps/default/web@2 {"status":{"availableReplicas":3,"fullyLabeledReplicas":5,"observedGeneration":1,"readyReplicas":3,"terminatingReplicas":0}}
        "#]],
        );
    }

    #[test]
    fn adopts_orphans_that_match_and_releases_pods_that_do_not() {
        let cluster = Cluster::of([
            replica_set("web", "web", 1),
            pod("orphan", "web", json!({})),
            pod("stranger", "db", json!({})),
            mine("web-relabelled", json!({"metadata": {"labels": {"app": "debug"}}})),
        ]);
        check(
            &cluster,
            Controller::ReplicaSet,
            &set("web"),
            expect![[r#"
            patch pods/default/web-relabelled@5 {"metadata":{"ownerReferences":null}}
            patch pods/default/orphan@3 {"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","blockOwnerDeletion":true,"controller":true,"kind":"ReplicaSet","name":"web","uid":"uid-of-set-web"}]}}
            patch status replicasets.apps/default/web@2 {"status":{"availableReplicas":0,"fullyLabeledReplicas":1,"observedGeneration":1,"readyReplicas":0,"replicas":1,"terminatingReplicas":0}}
        "#]],
        );
    }

    #[test]
    fn a_pod_is_available_only_after_being_ready_for_long_enough() {
        let mut cluster = Cluster::of([
            with(replica_set("web", "web", 1), json!({"spec": {"minReadySeconds": 10}})),
            mine("web-a", running("n1", "10.42.0.1")),
        ]);
        cluster.now = 4;
        check(
            &cluster,
            Controller::ReplicaSet,
            &set("web"),
            expect![[r#"
            patch status replicasets.apps/default/web@2 {"status":{"availableReplicas":0,"fullyLabeledReplicas":1,"observedGeneration":1,"readyReplicas":1,"replicas":1,"terminatingReplicas":0}}
            again in 6s
        "#]],
        );
        cluster.now = 10;
        check(
            &cluster,
            Controller::ReplicaSet,
            &set("web"),
            expect![[r#"
            patch status replicasets.apps/default/web@2 {"status":{"availableReplicas":1,"fullyLabeledReplicas":1,"observedGeneration":1,"readyReplicas":1,"replicas":1,"terminatingReplicas":0}}
        "#]],
        );
    }

    #[test]
    fn finished_and_leaving_pods_are_replaced() {
        let cluster = Cluster::of([
            replica_set("web", "web", 1),
            mine("web-failed", json!({"spec": {"nodeName": "n1"}, "status": {"phase": "Failed"}})),
            mine("web-leaving", with(running("n1", "10.42.0.1"), json!({"metadata": {"deletionTimestamp": START}}))),
        ]);
        check(
            &cluster,
            Controller::ReplicaSet,
            &set("web"),
            expect![[r#"
            create pods/default/web-fdfdz {"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"shop","name":"main"}]}}
            tell replicasets.apps/default/web Normal SuccessfulCreate: Created pod: web-fdfdz
            patch status replicasets.apps/default/web@2 {"status":{"availableReplicas":0,"fullyLabeledReplicas":0,"observedGeneration":1,"readyReplicas":0,"replicas":0,"terminatingReplicas":1}}
        "#]],
        );
    }
}

mod deployments {
    use super::*;

    fn web() -> ObjectRef {
        ObjectRef::new(Resource::DEPLOYMENTS, "default", "web")
    }

    /// A Deployment whose first template has rolled out, and the name of its set.
    fn rolled_out(replicas: i64) -> (Cluster, ObjectRef) {
        let mut cluster = Cluster::of([deployment("web", replicas, "shop:1")]);
        settle(&mut cluster);
        let set = reference(cluster.all(Resource::REPLICA_SETS)[0]);
        (cluster, set)
    }

    /// Lets the Deployment act until it has nothing more to do, with sets whose pods are all available at once.
    fn settle(cluster: &mut Cluster) {
        for _ in 0..50 {
            make_available(cluster);
            let key = xebec_controllers::Key::new(Controller::Deployment, web());
            let actions = cluster.look(&key).actions;
            if actions.is_empty() {
                return;
            }
            actions.iter().for_each(|action| cluster.act(action).unwrap());
        }
        panic!("the Deployment does not come to rest");
    }

    fn make_available(cluster: &mut Cluster) {
        let sets: Vec<_> = cluster.all(Resource::REPLICA_SETS).into_iter().cloned().collect();
        for set in sets {
            let (n, generation) = (&set["spec"]["replicas"], &set["metadata"]["generation"]);
            let status = json!({"status": {
                "replicas": n, "readyReplicas": n, "availableReplicas": n, "observedGeneration": generation,
            }});
            if set["status"]["replicas"] != *n {
                cluster.edit(&reference(&set), status);
            }
        }
    }

    fn new_image(cluster: &mut Cluster, image: &str) {
        let containers = json!([{"name": "main", "image": image}]);
        cluster.edit(&web(), json!({"spec": {"template": {"spec": {"containers": containers}}}}));
    }

    #[test]
    fn makes_the_first_set() {
        let cluster = Cluster::of([deployment("web", 6, "shop:1")]);
        check(
            &cluster,
            Controller::Deployment,
            &web(),
            expect![[r#"
            create replicasets.apps/default/web-vmhrsq26vj {"metadata":{"annotations":{"deployment.kubernetes.io/desired-replicas":"6","deployment.kubernetes.io/max-replicas":"8","deployment.kubernetes.io/revision":"1"},"labels":{"app":"web","pod-template-hash":"vmhrsq26vj"}},"spec":{"minReadySeconds":0,"replicas":6,"selector":{"matchLabels":{"app":"web","pod-template-hash":"vmhrsq26vj"}},"template":{"metadata":{"labels":{"app":"web","pod-template-hash":"vmhrsq26vj"}},"spec":{"containers":[{"image":"shop:1","name":"main"}]}}}}
            tell deployments.apps/default/web Normal ScalingReplicaSet: Scaled up replica set web-vmhrsq26vj from 0 to 6
            patch status deployments.apps/default/web@2 {"status":{"availableReplicas":0,"conditions":[{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment does not have minimum availability.","reason":"MinimumReplicasUnavailable","status":"False","type":"Available"}],"observedGeneration":1,"readyReplicas":0,"replicas":0,"terminatingReplicas":0,"unavailableReplicas":0,"updatedReplicas":0}}
        "#]],
        );
    }

    #[test]
    fn rests_when_all_is_as_it_should_be() {
        let (cluster, _) = rolled_out(6);
        check(
            &cluster,
            Controller::Deployment,
            &web(),
            expect![[r#"
            nothing
        "#]],
        );
    }

    #[test]
    fn a_new_template_gets_a_set_of_the_size_of_the_surge() {
        let (mut cluster, _) = rolled_out(6);
        new_image(&mut cluster, "shop:2");
        check(
            &cluster,
            Controller::Deployment,
            &web(),
            expect![[r#"
            create replicasets.apps/default/web-mmv9fdqwtm {"metadata":{"annotations":{"deployment.kubernetes.io/desired-replicas":"6","deployment.kubernetes.io/max-replicas":"8","deployment.kubernetes.io/revision":"2"},"labels":{"app":"web","pod-template-hash":"mmv9fdqwtm"}},"spec":{"minReadySeconds":0,"replicas":2,"selector":{"matchLabels":{"app":"web","pod-template-hash":"mmv9fdqwtm"}},"template":{"metadata":{"labels":{"app":"web","pod-template-hash":"mmv9fdqwtm"}},"spec":{"containers":[{"image":"shop:2","name":"main"}]}}}}
            tell deployments.apps/default/web Normal ScalingReplicaSet: Scaled up replica set web-mmv9fdqwtm from 0 to 2
            patch status deployments.apps/default/web@8 {"status":{"conditions":[{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment has minimum availability.","reason":"MinimumReplicasAvailable","status":"True","type":"Available"},{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment \"web\" is progressing.","reason":"ReplicaSetUpdated","status":"True","type":"Progressing"}],"observedGeneration":2,"updatedReplicas":0}}
            again in 600s
        "#]],
        );
    }

    #[test]
    fn old_pods_go_only_as_far_as_enough_stay_available() {
        let (mut cluster, _) = rolled_out(6);
        new_image(&mut cluster, "shop:2");
        for _ in 0..3 {
            let key = xebec_controllers::Key::new(Controller::Deployment, web());
            let actions = cluster.look(&key).actions;
            actions.iter().for_each(|action| cluster.act(action).unwrap());
        }
        // One old pod went, so the new set may grow by one; none of the new is available, so no more old ones may go.
        check(
            &cluster,
            Controller::Deployment,
            &web(),
            expect![[r#"
            patch replicasets.apps/default/web-mmv9fdqwtm@9 {"metadata":{"annotations":{"deployment.kubernetes.io/desired-replicas":"6","deployment.kubernetes.io/max-replicas":"8"}},"spec":{"replicas":3}}
            tell deployments.apps/default/web Normal ScalingReplicaSet: Scaled up replica set web-mmv9fdqwtm from 2 to 3
            patch status deployments.apps/default/web@13 {"status":{"unavailableReplicas":1}}
            again in 600s
        "#]],
        );
    }

    #[test]
    fn recreate_stops_everything_first_and_waits_for_the_last_pod() {
        let (mut cluster, old) = rolled_out(2);
        cluster.edit(&web(), json!({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": null}}}));
        settle(&mut cluster);
        new_image(&mut cluster, "shop:2");
        check(
            &cluster,
            Controller::Deployment,
            &web(),
            expect![[r#"
            patch replicasets.apps/default/web-vmhrsq26vj@5 {"metadata":{"annotations":{"deployment.kubernetes.io/desired-replicas":"2","deployment.kubernetes.io/max-replicas":"2"}},"spec":{"replicas":0}}
            tell deployments.apps/default/web Normal ScalingReplicaSet: Scaled down replica set web-vmhrsq26vj from 2 to 0
            patch status deployments.apps/default/web@10 {"status":{"conditions":[{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment has minimum availability.","reason":"MinimumReplicasAvailable","status":"True","type":"Available"},{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment \"web\" is progressing.","reason":"ReplicaSetUpdated","status":"True","type":"Progressing"}],"observedGeneration":3,"updatedReplicas":0}}
            again in 600s
        "#]],
        );
        cluster.edit(&old, json!({"spec": {"replicas": 0}, "status": {"replicas": 0}}));
        let uid = cluster.get(&old).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned();
        let last = with(running("n1", "10.42.0.1"), owned_by("ReplicaSet", &old.name, &uid));
        cluster.create(pod("last", "web", last)).unwrap();
        check(
            &cluster,
            Controller::Deployment,
            &web(),
            expect![[r#"
            patch status deployments.apps/default/web@10 {"status":{"conditions":[{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment has minimum availability.","reason":"MinimumReplicasAvailable","status":"True","type":"Available"},{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment \"web\" is progressing.","reason":"ReplicaSetUpdated","status":"True","type":"Progressing"}],"observedGeneration":3,"replicas":0,"updatedReplicas":0}}
            again in 600s
        "#]],
        );
        cluster.remove(&ObjectRef::new(Resource::PODS, "default", "last"));
        check(
            &cluster,
            Controller::Deployment,
            &web(),
            expect![[r#"
            create replicasets.apps/default/web-mmv9fdqwtm {"metadata":{"annotations":{"deployment.kubernetes.io/desired-replicas":"2","deployment.kubernetes.io/max-replicas":"2","deployment.kubernetes.io/revision":"2"},"labels":{"app":"web","pod-template-hash":"mmv9fdqwtm"}},"spec":{"minReadySeconds":0,"replicas":2,"selector":{"matchLabels":{"app":"web","pod-template-hash":"mmv9fdqwtm"}},"template":{"metadata":{"labels":{"app":"web","pod-template-hash":"mmv9fdqwtm"}},"spec":{"containers":[{"image":"shop:2","name":"main"}]}}}}
            tell deployments.apps/default/web Normal ScalingReplicaSet: Scaled up replica set web-mmv9fdqwtm from 0 to 2
            patch status deployments.apps/default/web@10 {"status":{"conditions":[{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment has minimum availability.","reason":"MinimumReplicasAvailable","status":"True","type":"Available"},{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment \"web\" is progressing.","reason":"ReplicaSetUpdated","status":"True","type":"Progressing"}],"observedGeneration":3,"replicas":0,"updatedReplicas":0}}
            again in 600s
        "#]],
        );
    }

    #[test]
    fn a_paused_deployment_is_scaled_but_not_rolled() {
        let (mut cluster, _) = rolled_out(2);
        cluster.edit(&web(), json!({"spec": {"paused": true, "replicas": 3}}));
        new_image(&mut cluster, "shop:2");
        check(
            &cluster,
            Controller::Deployment,
            &web(),
            expect![[r#"
            patch replicasets.apps/default/web-vmhrsq26vj@5 {"metadata":{"annotations":{"deployment.kubernetes.io/desired-replicas":"3","deployment.kubernetes.io/max-replicas":"4"}},"spec":{"replicas":3}}
            tell deployments.apps/default/web Normal ScalingReplicaSet: Scaled up replica set web-vmhrsq26vj from 2 to 3
            patch status deployments.apps/default/web@9 {"status":{"conditions":[{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment does not have minimum availability.","reason":"MinimumReplicasUnavailable","status":"False","type":"Available"},{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment is paused","reason":"DeploymentPaused","status":"Unknown","type":"Progressing"}],"observedGeneration":3,"updatedReplicas":0}}
        "#]],
        );
    }

    #[test]
    fn a_resize_in_the_midst_of_a_rollover_is_shared_out() {
        let (mut cluster, _) = rolled_out(8);
        new_image(&mut cluster, "shop:2");
        for _ in 0..4 {
            let key = xebec_controllers::Key::new(Controller::Deployment, web());
            let actions = cluster.look(&key).actions;
            actions.iter().for_each(|action| cluster.act(action).unwrap());
        }
        cluster.edit(&web(), json!({"spec": {"replicas": 16}}));
        check(
            &cluster,
            Controller::Deployment,
            &web(),
            expect![[r#"
            patch replicasets.apps/default/web-vmhrsq26vj@12 {"metadata":{"annotations":{"deployment.kubernetes.io/desired-replicas":"16","deployment.kubernetes.io/max-replicas":"20"}},"spec":{"replicas":12}}
            tell deployments.apps/default/web Normal ScalingReplicaSet: Scaled up replica set web-vmhrsq26vj from 6 to 12
            patch replicasets.apps/default/web-mmv9fdqwtm@14 {"metadata":{"annotations":{"deployment.kubernetes.io/desired-replicas":"16","deployment.kubernetes.io/max-replicas":"20"}},"spec":{"replicas":8}}
            tell deployments.apps/default/web Normal ScalingReplicaSet: Scaled up replica set web-mmv9fdqwtm from 4 to 8
            patch status deployments.apps/default/web@16 {"status":{"conditions":[{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment does not have minimum availability.","reason":"MinimumReplicasUnavailable","status":"False","type":"Available"},{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment \"web\" is progressing.","reason":"ReplicaSetUpdated","status":"True","type":"Progressing"}],"observedGeneration":3,"unavailableReplicas":2}}
            again in 600s
        "#]],
        );
    }

    #[test]
    fn history_beyond_the_limit_is_dropped() {
        let (mut cluster, _) = rolled_out(1);
        for image in ["shop:2", "shop:3"] {
            new_image(&mut cluster, image);
            settle(&mut cluster);
        }
        cluster.edit(&web(), json!({"spec": {"revisionHistoryLimit": 1}}));
        check(
            &cluster,
            Controller::Deployment,
            &web(),
            expect![[r#"
            delete replicasets.apps/default/web-vmhrsq26vj@15 Background
            patch status deployments.apps/default/web@26 {"status":{"observedGeneration":4}}
        "#]],
        );
    }

    #[test]
    fn a_rollover_that_does_not_move_is_reported() {
        let mut cluster = Cluster::of([deployment("web", 1, "shop:1")]);
        for _ in 0..4 {
            let key = xebec_controllers::Key::new(Controller::Deployment, web());
            let actions = cluster.look(&key).actions;
            actions.iter().for_each(|action| cluster.act(action).unwrap());
        }
        cluster.now = 601;
        check(
            &cluster,
            Controller::Deployment,
            &web(),
            expect![[r#"
            patch status deployments.apps/default/web@6 {"status":{"conditions":[{"lastTransitionTime":"2030-01-01T00:00:00Z","lastUpdateTime":"2030-01-01T00:00:00Z","message":"Deployment does not have minimum availability.","reason":"MinimumReplicasUnavailable","status":"False","type":"Available"},{"lastTransitionTime":"2030-01-01T00:10:01Z","lastUpdateTime":"2030-01-01T00:10:01Z","message":"ReplicaSet \"web-vmhrsq26vj\" has timed out progressing.","reason":"ProgressDeadlineExceeded","status":"False","type":"Progressing"}]}}
        "#]],
        );
    }
}

mod nodes {
    use super::*;

    fn n1() -> ObjectRef {
        ObjectRef::cluster(Resource::NODES, "n1")
    }

    #[test]
    fn a_node_that_is_heard_is_left_alone() {
        let mut cluster = Cluster::of([node("n1", "True")]);
        cluster.world.heard("n1", at(7).uptime);
        cluster.now = 8;
        check(
            &cluster,
            Controller::NodeLifecycle,
            &n1(),
            expect![[r#"
            again in 3s
        "#]],
        );
    }

    #[test]
    fn a_silent_node_is_unknown_and_its_pods_are_not_ready() {
        let mut cluster = Cluster::of([node("n1", "True"), mine("web-a", running("n1", "10.42.0.1"))]);
        cluster.now = 4;
        check(
            &cluster,
            Controller::NodeLifecycle,
            &n1(),
            expect![[r#"
            patch status nodes/n1@2 {"status":{"conditions":[{"lastTransitionTime":"2030-01-01T00:00:04Z","message":"Kubelet stopped posting node status.","reason":"NodeStatusUnknown","status":"Unknown","type":"Ready"}]}}
            tell nodes/n1 Normal NodeNotReady: Node n1 status is now: NodeNotReady
            patch status pods/default/web-a@3 {"status":{"conditions":[{"lastTransitionTime":"2030-01-01T00:00:04Z","message":"the node is not ready","reason":"NodeNotReady","status":"False","type":"Ready"}]}}
        "#]],
        );
    }

    #[test]
    fn an_unknown_node_is_tainted() {
        let mut cluster = Cluster::of([node("n1", "Unknown")]);
        cluster.now = 5;
        check(
            &cluster,
            Controller::NodeLifecycle,
            &n1(),
            expect![[r#"
            patch nodes/n1@2 {"spec":{"taints":[{"effect":"NoSchedule","key":"node.kubernetes.io/unreachable","timeAdded":"2030-01-01T00:00:05Z"},{"effect":"NoExecute","key":"node.kubernetes.io/unreachable","timeAdded":"2030-01-01T00:00:05Z"}]}}
        "#]],
        );
    }

    #[test]
    fn a_new_leader_listens_before_it_judges_a_lost_node() {
        let mut cluster = Cluster::of([unreachable_since_the_start()]);
        cluster.now = 1;
        check(
            &cluster,
            Controller::NodeLifecycle,
            &n1(),
            expect![[r#"
                again in 1s
            "#]],
        );
    }

    #[test]
    fn a_lost_node_that_the_leader_hears_may_speak_for_itself_again() {
        let mut cluster = Cluster::of([unreachable_since_the_start()]);
        assert_eq!(cluster.world.heard("n1", at(20).uptime).map(|key| key.object), Some(n1()));
        cluster.now = 20;
        check(
            &cluster,
            Controller::NodeLifecycle,
            &n1(),
            expect![[r#"
                patch status nodes/n1@2 {"status":{"conditions":[]}}
                again in 4s
            "#]],
        );
        let mut unsaid = unreachable_since_the_start();
        unsaid["status"]["conditions"] = json!([]);
        let mut cluster = Cluster::of([unsaid]);
        cluster.world.heard("n1", at(20).uptime);
        cluster.now = 20;
        check(
            &cluster,
            Controller::NodeLifecycle,
            &n1(),
            expect![[r#"
                again in 4s
            "#]],
        );
    }

    fn unreachable_since_the_start() -> serde_json::Value {
        let taint =
            |effect: &str| json!({"key": "node.kubernetes.io/unreachable", "effect": effect, "timeAdded": START});
        let mut lost =
            with(node("n1", "Unknown"), json!({"spec": {"taints": [taint("NoSchedule"), taint("NoExecute")]}}));
        lost["status"]["conditions"][0]["reason"] = json!("NodeStatusUnknown");
        lost
    }

    fn tolerating(seconds: i64) -> serde_json::Value {
        let toleration = json!({
            "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
            "tolerationSeconds": seconds,
        });
        json!({"spec": {"nodeName": "n1", "tolerations": [toleration]}})
    }

    #[test]
    fn pods_are_evicted_when_they_tolerate_it_no_longer() {
        let mut cluster = Cluster::of([
            unreachable_since_the_start(),
            node("n2", "True"),
            pod("at-once", "web", json!({"spec": {"nodeName": "n1"}})),
            pod("after-ten", "web", tolerating(10)),
            pod("after-sixty", "web", tolerating(60)),
        ]);
        cluster.now = 12;
        check(
            &cluster,
            Controller::NodeLifecycle,
            &n1(),
            expect![[r#"
            delete pods/default/after-ten
            tell pods/default/after-ten Normal TaintManagerEviction: Marking for deletion Pod default/after-ten
            delete pods/default/at-once
            tell pods/default/at-once Normal TaintManagerEviction: Marking for deletion Pod default/at-once
            again in 48s
        "#]],
        );
    }

    #[test]
    fn nobody_is_evicted_while_no_node_is_ready() {
        let mut cluster = Cluster::of([unreachable_since_the_start(), pod("a", "web", tolerating(10))]);
        cluster.now = 100;
        check(
            &cluster,
            Controller::NodeLifecycle,
            &n1(),
            expect![[r#"
            nothing
        "#]],
        );
    }

    #[test]
    fn a_node_that_is_back_loses_its_taints_and_keeps_others() {
        let own = json!({"key": "dedicated", "value": "shop", "effect": "NoSchedule"});
        let mut back = with(unreachable_since_the_start(), node("n1", "True"));
        back["spec"]["taints"].as_array_mut().unwrap().push(own);
        let mut cluster = Cluster::of([back]);
        cluster.world.heard("n1", at(20).uptime);
        cluster.now = 20;
        check(
            &cluster,
            Controller::NodeLifecycle,
            &n1(),
            expect![[r#"
            patch nodes/n1@2 {"spec":{"taints":[{"effect":"NoSchedule","key":"dedicated","value":"shop"}]}}
            again in 4s
        "#]],
        );
    }

    #[test]
    fn a_cordoned_node_and_one_in_trouble_are_tainted() {
        let pressed = json!([{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}]);
        let cluster = Cluster::of([with(
            node("n1", "True"),
            json!({"spec": {"unschedulable": true}, "status": {"conditions": pressed}}),
        )]);
        check(
            &cluster,
            Controller::NodeLifecycle,
            &n1(),
            expect![[r#"
            patch nodes/n1@2 {"spec":{"taints":[{"effect":"NoSchedule","key":"node.kubernetes.io/unschedulable","timeAdded":"2030-01-01T00:00:00Z"},{"effect":"NoSchedule","key":"node.kubernetes.io/disk-pressure","timeAdded":"2030-01-01T00:00:00Z"}]}}
            again in 4s
        "#]],
        );
    }

    #[test]
    fn nodes_get_the_lowest_free_ranges() {
        let cluster = Cluster::of([
            with(node("n1", "True"), json!({"spec": {"podCIDR": "10.42.1.0/24"}})),
            node("n2", "True"),
            node("n3", "True"),
        ]);
        check(
            &cluster,
            Controller::NodeIpam,
            &ObjectRef::cluster(Resource::NODES, ""),
            expect![[r#"
            patch nodes/n2@3 {"spec":{"podCIDR":"10.42.0.0/24","podCIDRs":["10.42.0.0/24"]}}
            patch nodes/n3@4 {"spec":{"podCIDR":"10.42.2.0/24","podCIDRs":["10.42.2.0/24"]}}
        "#]],
        );
    }

    #[test]
    fn a_jump_of_the_wall_clock_loses_no_node() {
        let cluster = Cluster::of([node("n1", "True")]);
        let key = xebec_controllers::Key::new(Controller::NodeLifecycle, n1());
        let jumped = Moment { wall: "2040-01-01T00:00:00Z".parse().unwrap(), uptime: at(1).uptime };
        assert!(reconcile(&cluster.world, &key, jumped).actions.is_empty());
    }
}

mod endpoint_slices {
    use super::*;

    fn web() -> ObjectRef {
        ObjectRef::new(Resource::SERVICES, "default", "web")
    }

    #[test]
    fn a_service_without_pods_has_one_empty_slice() {
        let cluster = Cluster::of([service("web", "web")]);
        check(
            &cluster,
            Controller::EndpointSlice,
            &web(),
            expect![[r#"
            create endpointslices.discovery.k8s.io/default/web-5gx6b {"addressType":"IPv4","endpoints":[],"metadata":{"labels":{"endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io","kubernetes.io/service-name":"web"}},"ports":[]}
        "#]],
        );
    }

    #[test]
    fn ready_serving_and_terminating() {
        let leaving = with(running("n1", "10.42.0.2"), json!({"metadata": {"deletionTimestamp": START}}));
        let unready = json!({"spec": {"nodeName": "n1"}, "status": {"phase": "Running", "podIP": "10.42.0.3"}});
        let done = json!({"spec": {"nodeName": "n1"}, "status": {"phase": "Succeeded", "podIP": "10.42.0.4"}});
        let cluster = Cluster::of([
            with(node("n1", "True"), json!({"metadata": {"labels": {"topology.kubernetes.io/zone": "z1"}}})),
            service("web", "web"),
            pod("ready", "web", running("n1", "10.42.0.1")),
            pod("leaving", "web", leaving),
            pod("unready", "web", unready),
            pod("done", "web", done),
            pod("other", "db", running("n1", "10.42.0.5")),
        ]);
        check(
            &cluster,
            Controller::EndpointSlice,
            &web(),
            expect![[r#"
            create endpointslices.discovery.k8s.io/default/web-5gx6b {"addressType":"IPv4","endpoints":[{"addresses":["10.42.0.1"],"conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"n1","targetRef":{"kind":"Pod","name":"ready","namespace":"default","uid":"uid-3"},"zone":"z1"},{"addresses":["10.42.0.2"],"conditions":{"ready":false,"serving":true,"terminating":true},"nodeName":"n1","targetRef":{"kind":"Pod","name":"leaving","namespace":"default","uid":"uid-4"},"zone":"z1"},{"addresses":["10.42.0.3"],"conditions":{"ready":false,"serving":false,"terminating":false},"nodeName":"n1","targetRef":{"kind":"Pod","name":"unready","namespace":"default","uid":"uid-5"},"zone":"z1"}],"metadata":{"labels":{"endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io","kubernetes.io/service-name":"web"}},"ports":[{"name":"","port":8080,"protocol":"TCP"}]}
        "#]],
        );
    }

    #[test]
    fn named_ports_are_looked_up_in_each_pod() {
        let listening = |port: i64| {
            let ports = json!([{"name": "http", "containerPort": port, "protocol": "TCP"}]);
            json!({"spec": {"containers": [{"name": "main", "image": "shop", "ports": ports}]}})
        };
        let cluster = Cluster::of([
            with(
                service("web", "web"),
                json!({"spec": {"ports": [{"name": "web", "port": 80, "targetPort": "http"}]}}),
            ),
            pod("old", "web", with(running("n1", "10.42.0.1"), listening(8080))),
            pod("new", "web", with(running("n1", "10.42.0.2"), listening(9090))),
        ]);
        check(
            &cluster,
            Controller::EndpointSlice,
            &web(),
            expect![[r#"
            create endpointslices.discovery.k8s.io/default/web-5gx6b {"addressType":"IPv4","endpoints":[{"addresses":["10.42.0.1"],"conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"n1","targetRef":{"kind":"Pod","name":"old","namespace":"default","uid":"uid-2"}}],"metadata":{"labels":{"endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io","kubernetes.io/service-name":"web"}},"ports":[{"name":"web","port":8080,"protocol":"TCP"}]}
            create endpointslices.discovery.k8s.io/default/web-xg2rx {"addressType":"IPv4","endpoints":[{"addresses":["10.42.0.2"],"conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"n1","targetRef":{"kind":"Pod","name":"new","namespace":"default","uid":"uid-3"}}],"metadata":{"labels":{"endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io","kubernetes.io/service-name":"web"}},"ports":[{"name":"web","port":9090,"protocol":"TCP"}]}
        "#]],
        );
    }

    #[test]
    fn a_slice_holds_a_hundred_and_one_change_touches_one_slice() {
        let mut cluster = Cluster::of([service("web", "web")]);
        for n in 0..150 {
            cluster.create(pod(&format!("p{n:03}"), "web", running("n1", &format!("10.42.0.{n}")))).unwrap();
        }
        let key = xebec_controllers::Key::new(Controller::EndpointSlice, web());
        for _ in 0..2 {
            cluster.look(&key).actions.iter().for_each(|action| cluster.act(action).unwrap());
        }
        let slices = cluster.all(Resource::ENDPOINT_SLICES);
        let sizes: Vec<usize> = slices.iter().map(|slice| slice["endpoints"].as_array().unwrap().len()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 150);
        assert!(sizes.contains(&100) && sizes.len() == 2, "{sizes:?}");
        let gone = ObjectRef::new(Resource::PODS, "default", "p007");
        cluster.remove(&gone);
        assert_eq!(cluster.look(&key).actions.len(), 1);
    }
}

mod removal {
    use super::*;

    #[test]
    fn a_namespace_is_emptied_then_let_go() {
        let leaving = json!({"metadata": {"deletionTimestamp": START}});
        let mut cluster = Cluster::of([namespace("default"), service("web", "web"), pod("a", "web", json!({}))]);
        let name = ObjectRef::cluster(Resource::NAMESPACES, "default");
        cluster.edit(&name, leaving);
        check(
            &cluster,
            Controller::Namespace,
            &name,
            expect![[r#"
            delete pods/default/a Background
            delete services/default/web Background
        "#]],
        );
        cluster.remove(&ObjectRef::new(Resource::SERVICES, "default", "web"));
        cluster.remove(&ObjectRef::new(Resource::PODS, "default", "a"));
        check(
            &cluster,
            Controller::Namespace,
            &name,
            expect![[r#"
            patch namespaces/default@5 {"spec":{"finalizers":[]}}
        "#]],
        );
    }

    #[test]
    fn what_has_lost_its_owner_goes() {
        let cluster = Cluster::of([mine("web-a", json!({}))]);
        let name = ObjectRef::new(Resource::PODS, "default", "web-a");
        check(
            &cluster,
            Controller::GarbageCollector,
            &name,
            expect![[r#"
            delete pods/default/web-a@2 Background
        "#]],
        );
    }

    #[test]
    fn an_owner_of_a_kind_that_is_not_served_cannot_be_judged() {
        let owner = json!({"metadata": {"ownerReferences": [
            {"apiVersion": "example.org/v1", "kind": "Shop", "name": "s", "uid": "u"},
        ]}});
        let cluster = Cluster::of([pod("a", "web", owner)]);
        let name = ObjectRef::new(Resource::PODS, "default", "a");
        check(
            &cluster,
            Controller::GarbageCollector,
            &name,
            expect![[r#"
            nothing
        "#]],
        );
    }

    #[test]
    fn an_owner_in_a_namespace_of_an_object_outside_all_cannot_be_judged() {
        let owner = json!({"metadata": {"ownerReferences": [
            {"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "u"},
        ]}});
        let cluster = Cluster::of([with(node("n1", "True"), owner)]);
        let name = ObjectRef::cluster(Resource::NODES, "n1");
        check(
            &cluster,
            Controller::GarbageCollector,
            &name,
            expect![[r#"
            nothing
        "#]],
        );
    }

    #[test]
    fn of_two_owners_the_one_that_is_gone_is_forgotten() {
        let owners = json!({"metadata": {"ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "gone", "uid": "gone"},
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "uid-of-set-web"},
        ]}});
        let cluster = Cluster::of([replica_set("web", "web", 0), pod("a", "db", owners)]);
        let name = ObjectRef::new(Resource::PODS, "default", "a");
        check(
            &cluster,
            Controller::GarbageCollector,
            &name,
            expect![[r#"
            patch pods/default/a@3 {"metadata":{"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"uid-of-set-web"}]}}
        "#]],
        );
    }

    fn deleting(finalizer: &str) -> serde_json::Value {
        let metadata = json!({"metadata": {"deletionTimestamp": START, "finalizers": [finalizer]}});
        with(replica_set("web", "web", 1), metadata)
    }

    #[test]
    fn foreground_deletes_dependents_first() {
        let mut cluster = Cluster::of([deleting("foregroundDeletion"), mine("web-a", json!({}))]);
        check(
            &cluster,
            Controller::GarbageCollector,
            &set("web"),
            expect![[r#"
            delete pods/default/web-a Foreground
        "#]],
        );
        cluster.remove(&ObjectRef::new(Resource::PODS, "default", "web-a"));
        check(
            &cluster,
            Controller::GarbageCollector,
            &set("web"),
            expect![[r#"
            patch replicasets.apps/default/web@2 {"metadata":{"finalizers":null}}
        "#]],
        );
    }

    #[test]
    fn orphan_leaves_dependents_behind() {
        let cluster = Cluster::of([deleting("orphan"), mine("web-a", json!({}))]);
        check(
            &cluster,
            Controller::GarbageCollector,
            &set("web"),
            expect![[r#"
            patch pods/default/web-a@3 {"metadata":{"ownerReferences":null}}
        "#]],
        );
    }

    #[test]
    fn every_namespace_has_a_default_account() {
        let cluster = Cluster::of([namespace("shop")]);
        let name = ObjectRef::cluster(Resource::NAMESPACES, "shop");
        check(
            &cluster,
            Controller::ServiceAccount,
            &name,
            expect![[r#"
            create serviceaccounts/shop/default {"metadata":{}}
        "#]],
        );
    }

    #[test]
    fn every_namespace_has_the_ca() {
        let name = ObjectRef::cluster(Resource::NAMESPACES, "shop");
        check(
            &Cluster::of([namespace("shop")]),
            Controller::RootCa,
            &name,
            expect![[r#"
            create configmaps/shop/kube-root-ca.crt {"data":{"ca.crt":"the CA"},"metadata":{}}
        "#]],
        );
    }

    #[test]
    fn pods_of_a_node_that_is_gone_are_removed_after_a_while() {
        let mut cluster = Cluster::of([pod("a", "web", running("gone", "10.42.9.1"))]);
        let name = ObjectRef::new(Resource::PODS, "default", "a");
        check(
            &cluster,
            Controller::PodGc,
            &name,
            expect![[r#"
            again in 10s
        "#]],
        );
        cluster.now = 10;
        check(
            &cluster,
            Controller::PodGc,
            &name,
            expect![[r#"
            delete pods/default/a grace 0
        "#]],
        );
    }

    #[test]
    fn a_pod_with_an_identity_is_not_given_up() {
        let leaving = with(running("n1", "10.42.0.1"), json!({"metadata": {"deletionTimestamp": START}}));
        let stateful = with(leaving.clone(), owned_by("StatefulSet", "db", "uid-of-db"));
        let mut cluster =
            Cluster::of([node("n1", "Unknown"), pod("one-of-many", "web", leaving), pod("db-0", "db", stateful)]);
        cluster.now = 60;
        let name = |name: &str| ObjectRef::new(Resource::PODS, "default", name);
        check(
            &cluster,
            Controller::PodGc,
            &name("one-of-many"),
            expect![[r#"
            delete pods/default/one-of-many grace 0
        "#]],
        );
        check(
            &cluster,
            Controller::PodGc,
            &name("db-0"),
            expect![[r#"
            nothing
        "#]],
        );
    }
}
