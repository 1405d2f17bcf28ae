//! Places on earth, in sorted sets.

mod area;
mod cell;
mod geoadd;
mod geopos;
mod georadius;
mod geosearch;
mod search;
mod words;

use crate::spec::Command;

pub(crate) const COMMANDS: &[&Command] = &[
    &geoadd::GEOADD,
    &geopos::GEODIST,
    &geopos::GEOHASH,
    &geopos::GEOPOS,
    &georadius::GEORADIUS,
    &georadius::GEORADIUSBYMEMBER,
    &georadius::GEORADIUSBYMEMBER_RO,
    &georadius::GEORADIUS_RO,
    &geosearch::GEOSEARCH,
    &geosearch::GEOSEARCHSTORE,
];
