//! Users, rules, categories, key and channel patterns.

pub mod category;
