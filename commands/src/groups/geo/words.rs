//! Words that the commands of places share: units, numbers with their own errors, and how distances are written.

use commands_macros::Args as Options;
use resp::Writer;

use super::cell::Place;
use crate::args::{Args, OneOf};
use crate::error::{Error, Result};
use crate::spec::{ArgDoc, ArgType};

#[derive(Options, Clone, Copy)]
pub(super) enum Unit {
    M,
    Km,
    Ft,
    Mi,
}

pub(super) const UNIT: ArgDoc = ArgDoc::one_of("unit", Unit::DOCS);

impl Unit {
    /// Metres in one.
    pub(super) fn metres(self) -> f64 {
        match self {
            Self::M => 1.0,
            Self::Km => 1000.0,
            Self::Ft => 0.3048,
            Self::Mi => 1609.34,
        }
    }

    pub(super) fn take(args: &mut Args) -> Result<Self> {
        const WRONG: Error = Error::Plain("ERR unsupported unit provided. please use M, KM, FT, MI");
        let found = Self::take_if(args)?.ok_or(WRONG)?;
        Ok(found)
    }
}

/// Longitude and latitude, one word each.
pub(super) const LON_LAT: [ArgDoc; 2] =
    [ArgDoc::new("longitude", ArgType::Double), ArgDoc::new("latitude", ArgType::Double)];

/// Reads longitude and latitude.
pub(super) fn place(args: &mut Args) -> Result<Place> {
    let mut coordinate = || base::number::parse_f64(args.word()?).ok_or(Error::NotAFloat);
    let (lon, lat) = (coordinate()?, coordinate()?);
    Place::new(lon, lat).ok_or_else(|| Error::text(format!("ERR invalid longitude,latitude pair {lon:.6},{lat:.6}")))
}

/// Reads a length; `wrong` is the error of a word that is no number.
pub(super) fn length(args: &mut Args, wrong: &'static str) -> Result<f64> {
    base::number::parse_f64(args.word()?).ok_or(Error::Plain(wrong))
}

/// A distance: four decimals, and a string in both protocols.
pub(super) fn write_distance(out: &mut Writer, distance: f64) {
    out.bulk(format!("{distance:.4}").as_bytes());
}

/// A place as a pair of numbers.
pub(super) fn write_place(out: &mut Writer, place: Place) {
    out.array(2);
    out.double(place.lon);
    out.double(place.lat);
}
