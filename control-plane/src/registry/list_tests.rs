//! Pages of lists: at one revision, and what happens when that is gone.

use serde_json::json;
use xebec_api::{FieldSelector, LabelSelector, Reason};
use xebec_kv::Body;

use super::testing::{Fixture, cx, kind, target};
use super::{DeleteOptions, ListOptions, Listing, Scope};

fn names(listing: &Listing) -> Vec<String> {
    listing.items.iter().map(|stored| stored.object.meta().name.clone()).collect()
}

fn default_config_maps() -> Scope {
    Scope::namespace(kind("configmaps"), "default")
}

#[tokio::test]
async fn an_expired_token_comes_with_one_for_the_rest_as_it_is_now() {
    let f = Fixture::new().await;
    for i in 0..6 {
        f.config_map(&format!("c{i}"), "x").await.unwrap();
    }
    let scope = default_config_maps();
    let mut options = ListOptions { limit: 2, ..ListOptions::default() };
    let first = f.registry.list(&cx(), &scope, &options).await.unwrap();
    f.registry.delete(&cx(), &target("configmaps", Some("default"), "c3"), &DeleteOptions::default()).await.unwrap();
    f.store.apply(Body::Compact { revision: f.cache.revision() });

    options.continue_token = first.continue_token;
    let expired = f.registry.list(&cx(), &scope, &options).await.unwrap_err();
    assert_eq!((expired.code, expired.reason), (410, Reason::Expired));
    let token = expired.to_json()["metadata"]["continue"].as_str().unwrap().to_owned();

    options.continue_token = Some(token);
    let rest = f.registry.list(&cx(), &scope, &options).await.unwrap();
    assert_eq!((names(&rest), rest.revision), (vec!["c2".to_owned(), "c4".to_owned()], f.cache.revision()));
    options.continue_token = rest.continue_token;
    let last = f.registry.list(&cx(), &scope, &options).await.unwrap();
    assert_eq!((names(&last), last.revision, last.continue_token), (vec!["c5".to_owned()], rest.revision, None));
}

#[tokio::test]
async fn a_page_says_how_many_follow_in_its_namespace() {
    let f = Fixture::new().await;
    f.create(&target("namespaces", None, "other"), json!({})).await.unwrap();
    for i in 0..5 {
        f.config_map(&format!("c{i}"), "x").await.unwrap();
        f.create(&target("configmaps", Some("other"), &format!("o{i}")), json!({})).await.unwrap();
    }
    f.registry.delete(&cx(), &target("configmaps", Some("default"), "c0"), &DeleteOptions::default()).await.unwrap();
    let mut options = ListOptions { limit: 1, ..ListOptions::default() };
    let mut remaining = Vec::new();
    loop {
        let page = f.registry.list(&cx(), &default_config_maps(), &options).await.unwrap();
        remaining.push(page.remaining);
        options.continue_token = page.continue_token;
        if options.continue_token.is_none() {
            break;
        }
    }
    assert_eq!(remaining, [Some(3), Some(2), Some(1), None]);
    let all = ListOptions { limit: 1, ..ListOptions::default() };
    assert_eq!(f.registry.list(&cx(), &Scope::all(kind("configmaps")), &all).await.unwrap().remaining, Some(8));
    let selected = ListOptions { fields: FieldSelector::parse("metadata.name!=c1").unwrap(), ..all };
    assert_eq!(f.registry.list(&cx(), &default_config_maps(), &selected).await.unwrap().remaining, None);
}

#[tokio::test]
async fn a_token_of_another_list_is_refused() {
    let f = Fixture::new().await;
    f.create(&target("namespaces", None, "other"), json!({})).await.unwrap();
    for name in ["a", "b"] {
        f.config_map(name, "x").await.unwrap();
    }
    let mut options = ListOptions { limit: 1, ..ListOptions::default() };
    let first = f.registry.list(&cx(), &default_config_maps(), &options).await.unwrap();
    options.continue_token = first.continue_token;
    let other = Scope::namespace(kind("configmaps"), "other");
    assert_eq!(f.registry.list(&cx(), &other, &options).await.unwrap_err().code, 400);
}

#[tokio::test]
async fn a_selector_that_takes_little_gives_short_pages_and_loses_nothing() {
    let f = Fixture::new().await;
    for i in 0..super::page::LOOKS + 5 {
        f.config_map(&format!("c{i:06}"), "x").await.unwrap();
    }
    let labelled = json!({"metadata": {"labels": {"rare": "yes"}}});
    f.create(&target("configmaps", Some("default"), "z"), labelled).await.unwrap();
    let mut options =
        ListOptions { limit: 10, labels: LabelSelector::parse("rare").unwrap(), ..ListOptions::default() };
    let first = f.registry.list(&cx(), &default_config_maps(), &options).await.unwrap();
    assert_eq!((names(&first), first.continue_token.is_some()), (Vec::new(), true));
    options.continue_token = first.continue_token;
    let second = f.registry.list(&cx(), &default_config_maps(), &options).await.unwrap();
    assert_eq!((names(&second), second.continue_token), (vec!["z".to_owned()], None));
}
