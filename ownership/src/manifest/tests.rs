//! Manifests: read, printed, read again, refused.

use proptest::prelude::*;

use super::*;

const SHOP: &str = "\
# a shop
pattern user:<id>        layer server  max-ttl 30d  max-bytes 64kb
pattern page:<id>        LAYER edge    ttl 5m       stale 30s
Pattern \"a key:<id>\\x00\"  type hash

edge    user:<id>   owns         session:<id>:*
edge    page:<id>   derives      user:<id>
edge    price:<sku> invalidates  cart:*\r
edge    page:<id>   borrows      settings:*";

#[test]
fn a_manifest_is_printed_as_it_is_read() {
    let graph = parse(SHOP.as_bytes()).expect("sound");
    assert_eq!(graph.rules().nodes.len(), 3);
    assert_eq!(
        print(graph.rules()),
        "pattern user:<id>         layer server  max-ttl 30d  max-bytes 64kb\n\
         pattern page:<id>         layer edge  ttl 5m  stale 30s\n\
         pattern \"a key:<id>\\x00\"  type hash\n\
         edge    user:<id>         owns         session:<id>:*\n\
         edge    page:<id>         derives      user:<id>\n\
         edge    price:<sku>       invalidates  cart:*\n\
         edge    page:<id>         borrows      settings:*\n"
    );
}

#[test]
fn every_line_that_does_not_hold_is_named() {
    let errors = parse(
        b"pattern\nedge a likes b\nnode x\npattern <id\npattern a ttl 5\npattern a colour red\nedge a owns\n\
          pattern \"x\npattern a layer\npattern a ttl 2h max-ttl 1h\npattern a ttl 1s ttl 2s\nedgea b c",
    );
    let text = errors.expect_err("bad lines").0.into_iter().map(|it| format!("{}: {}", it.line, it.reason));
    let text: Vec<String> = text.collect();
    let expected = [
        "1: 'pattern' without a pattern",
        "2: unknown edge 'likes': owns, derives, invalidates and borrows are known",
        "3: 'node' begins no rule: 'pattern' or 'edge' is expected",
        "4: '<' at byte 1 begins no capture: write <name> with letters, digits, '_' or '-', or \\< for the byte",
        "5: ttl '5' is not a duration such as 250ms, 30s, 5m, 12h or 30d",
        "6: unknown attribute 'colour': layer, ttl, max-ttl, max-bytes, type and stale are known",
        "7: an edge is two patterns and owns, derives, invalidates or borrows between them",
        "8: unbalanced quotes",
        "9: attribute layer has no value",
        "10: ttl is longer than max-ttl",
        "11: attribute ttl stands twice",
        "12: 'edgea' begins no rule: 'pattern' or 'edge' is expected",
    ];
    assert_eq!(text, expected);
}

#[test]
fn rules_that_do_not_hold_together_are_named() {
    let refused = |text: &str| parse(text.as_bytes()).expect_err("refused").to_string();
    assert_eq!(refused("pattern a\n\npattern a ttl 1s"), "line 3: pattern a is defined twice");
    assert_eq!(refused("edge a derives b\nedge a derives b"), "line 2: edge a DERIVES b is there already");
    assert_eq!(
        refused("edge a derives b\npattern c\nedge b derives c\nedge c derives a"),
        "line 4: cycle: a DERIVES b, c DERIVES a, b DERIVES c, and so on"
    );
}

fn any_graph() -> impl Strategy<Value = Rules> {
    let pattern =
        prop::collection::vec(any::<u8>(), 0..6).prop_filter_map("a capture", |text| Pattern::parse(&text).ok());
    let attributes = (prop::option::of(1u64..10_000_000), prop::option::of(0u64..1 << 40), 0..4usize);
    let attributes = attributes.prop_map(|(stale_ms, max_bytes, layer)| {
        let layer = [None, Some("client"), Some("edge"), Some("server")][layer];
        let layer = layer.and_then(|name| crate::Layer::parse(name.as_bytes()));
        Attributes { layer, stale_ms, max_bytes, ..Attributes::default() }
    });
    let node = (pattern.clone(), attributes).prop_map(|(pattern, attributes)| NodeRule { pattern, attributes });
    let edge =
        (pattern.clone(), pattern).prop_map(|(left, right)| EdgeRule { left, relation: Relation::Borrows, right });
    (prop::collection::vec(node, 0..5), prop::collection::vec(edge, 0..5))
        .prop_map(|(nodes, edges)| Rules { nodes, edges })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_again(rules in any_graph()) {
        if let Ok(graph) = Graph::new(rules.clone()) {
            let again = parse(print(graph.rules()).as_bytes()).expect("it was printed");
            prop_assert_eq!(again.rules(), &rules);
        }
    }

    #[test]
    fn no_text_is_a_surprise(text in prop::collection::vec(prop::sample::select(b"pattern edge a:<x> owns\n\"\\*\x00".to_vec()), 0..80)) {
        let _ = parse(&text);
    }
}

#[test]
fn the_shop_of_the_examples_holds() {
    let text = include_bytes!("../../../examples/shop.manifest");
    let graph = parse(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(parse(print(graph.rules()).as_bytes()).expect("it was printed").rules(), graph.rules());
    let gone = |key: &str| -> Vec<String> {
        let all = graph.cascade(key.as_bytes(), crate::Trigger::Gone);
        all.iter().map(|it| it.keys.pattern().to_string()).collect()
    };
    assert_eq!(gone("product:42"), ["page:product:42"]);
    assert_eq!(gone("price:42"), ["fragment:price:42", "total:*", "page:product:42"]);
    let of_user = gone("user:7");
    for key in ["session:7:<device>", "cart:7", "wishlist:7", "header:7", "total:7"] {
        assert!(of_user.contains(&key.to_owned()), "{key} in {of_user:?}");
    }
}
