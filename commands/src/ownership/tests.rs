//! Without a graph nothing is looked at.

use crate::testing::Fixture;

#[test]
fn without_rules_nobody_is_interested() {
    let mut fixture = Fixture::new();
    fixture.cli(1, "SET user:1 a");
    assert_eq!(fixture.node.space.interest(), 0);
    assert!(fixture.node.manifest().is_none());
}
