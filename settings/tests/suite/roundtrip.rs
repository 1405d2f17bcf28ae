//! For any values: what CONFIG GET shows is accepted and shown again, what CONFIG REWRITE writes is loaded again, and
//! no text of any kind does harm.

use proptest::prelude::*;
use settings::table::specs;
use settings::{Caller, Change, Extent, Settings};

use crate::scratch::Scratch;
use crate::{load, shown};

const CALLER: Caller = Caller { local: true, loading: false };

/// Values that some kind accepts, and some that none does.
fn value() -> impl Strategy<Value = String> {
    let word = prop_oneof!["[ -~]{0,12}", "[a-z0-9 .:-]{0,20}", Just(String::new())];
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        (0..2000u32).prop_map(|number| number.to_string()),
        (0..2000u32, "[kmgKMG]?b?").prop_map(|(number, unit)| format!("{number}{unit}")),
        (0..=101u32).prop_map(|number| format!("{number}%")),
        prop_oneof![Just("yes"), Just("no"), Just("allkeys-lru"), Just("debug"), Just("always")]
            .prop_map(str::to_owned),
        "[Ag$lshzxeKEtmdn]{0,14}",
        "(save |now |force |nosave )*(now|save)",
        prop::collection::vec((1..9999u32, 0..9999u32), 0..4).prop_map(|points| {
            points.iter().map(|(seconds, changes)| format!("{seconds} {changes}")).collect::<Vec<_>>().join(" ")
        }),
        (prop_oneof![Just("normal"), Just("slave"), Just("pubsub")], 0..u64::MAX, 0..9999u32)
            .prop_map(|(class, hard, soft)| format!("{class} {hard} {soft}mb 5")),
        prop::collection::vec(0.0..100.0f64, 0..4).prop_map(|all| all
            .iter()
            .map(f64::to_string)
            .collect::<Vec<_>>()
            .join(" ")),
        word,
    ]
}

fn changes() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let names: Vec<_> = specs().filter(|spec| spec.change == Change::Live).map(|spec| spec.name).collect();
    prop::collection::vec((prop::sample::select(names), value()), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_shown_is_accepted_and_shown_again(changes in changes()) {
        let settings = Settings::new();
        for change in &changes {
            // A value that its kind refuses leaves the setting as it was, which is a value to test too.
            let _ = settings.set(std::slice::from_ref(change), CALLER);
        }
        let copy = Settings::new();
        for spec in specs().filter(|spec| spec.change == Change::Live) {
            let value = settings.get_one(spec.name).unwrap();
            prop_assert!(copy.set(&[(spec.name, value)], CALLER).is_ok(), "{}: {}", spec.name, shown(&settings, spec.name));
            prop_assert_eq!(shown(&copy, spec.name), shown(&settings, spec.name));
        }
    }

}

proptest! {
    // Each case forces files to disk several times.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn what_is_rewritten_is_loaded_again(before in changes(), after in changes()) {
        let scratch = Scratch::new("roundtrip");
        let file = scratch.write("redis.conf", "# mine\nport 1\n");
        let mut last = String::new();
        for changes in [before, after] {
            let Ok(settings::Startup::Serve(started)) = load(&[&file]) else {
                panic!("{last}");
            };
            for change in &changes {
                let _ = started.settings.set(std::slice::from_ref(change), CALLER);
            }
            started.settings.rewrite(None, Extent::Needed).unwrap();
            last = scratch.read("redis.conf");
            started.settings.rewrite(None, Extent::Needed).unwrap();
            prop_assert_eq!(&scratch.read("redis.conf"), &last);
            let Ok(settings::Startup::Serve(again)) = load(&[&file]) else {
                panic!("{last}");
            };
            prop_assert_eq!(again.settings.get(&["*"]), started.settings.get(&["*"]), "{}", last);
        }
        prop_assert!(last.starts_with("# mine\nport "));
    }

}

proptest! {
    #[test]
    fn any_line_is_taken_or_refused(name in prop::sample::select(specs().map(|spec| spec.name).collect::<Vec<_>>()), rest: Vec<u8>) {
        prop_assume!(name != "logfile");
        let line = [name.as_bytes(), b" ", &rest].concat();
        let _ = Settings::load(&[b"-".to_vec()], &mut line.as_slice());
        let _ = Settings::new().set(&[(name, rest)], CALLER);
    }
}
