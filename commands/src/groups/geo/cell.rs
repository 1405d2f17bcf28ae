//! Geohashes: a place on earth as the bits of its cell in a grid, latitude in the even bits and longitude in the odd
//! ones, so that near places mostly have near numbers.
//!
//! Scores of members are cells of 52 bits: a double holds them exactly.

use std::f64::consts::PI;

/// Longitude and latitude, degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Place {
    pub(super) lon: f64,
    pub(super) lat: f64,
}

/// Latitudes of the web's map projection (EPSG:3857), beyond which it has no square cells.
const LAT_MAX: f64 = 85.051_128_78;
const LON_MAX: f64 = 180.0;
/// Halvings of each side for a score.
pub(super) const STEPS_MAX: u32 = 26;
/// Metres; the sphere that Redis measures on.
pub(super) const EARTH_RADIUS_M: f64 = 6_372_797.560_856;

pub(super) fn radians(degrees: f64) -> f64 {
    degrees * (PI / 180.0)
}

pub(super) fn degrees(radians: f64) -> f64 {
    radians / (PI / 180.0)
}

impl Place {
    /// A place that has a cell.
    pub(super) fn new(lon: f64, lat: f64) -> Option<Self> {
        let is_on_map = (-LON_MAX..=LON_MAX).contains(&lon) && (-LAT_MAX..=LAT_MAX).contains(&lat);
        is_on_map.then_some(Self { lon, lat })
    }

    /// The middle of a score's cell.
    pub(super) fn of_score(score: f64) -> Self {
        let bounds = Cell { bits: score as u64, steps: STEPS_MAX }.bounds();
        let lon = ((bounds.west + bounds.east) / 2.0).clamp(-LON_MAX, LON_MAX);
        let lat = ((bounds.south + bounds.north) / 2.0).clamp(-LAT_MAX, LAT_MAX);
        Self { lon, lat }
    }

    /// The score of a member here.
    pub(super) fn score(self) -> f64 {
        Cell::of(self, STEPS_MAX).bits as f64
    }

    /// The text of GEOHASH, 11 letters over the whole range of latitudes, as <http://geohash.org> has them.
    pub(super) fn geohash(self) -> [u8; 11] {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = interleave(offset(self.lat, 90.0, STEPS_MAX), offset(self.lon, 180.0, STEPS_MAX));
        // There are bits for ten letters; the eleventh is there for the length's sake.
        std::array::from_fn(|at| if at == 10 { b'0' } else { LETTERS[(bits >> (47 - 5 * at)) as usize & 31] })
    }

    /// Metres along the sphere (haversine).
    pub(super) fn distance_m(self, other: Self) -> f64 {
        let v = ((radians(other.lon) - radians(self.lon)) / 2.0).sin();
        if v == 0.0 {
            return self.lat_distance_m(other);
        }
        let (lat, other_lat) = (radians(self.lat), radians(other.lat));
        let u = ((other_lat - lat) / 2.0).sin();
        let a = u * u + lat.cos() * other_lat.cos() * v * v;
        2.0 * EARTH_RADIUS_M * a.sqrt().asin()
    }

    /// Metres between the two latitudes.
    pub(super) fn lat_distance_m(self, other: Self) -> f64 {
        EARTH_RADIUS_M * (radians(other.lat) - radians(self.lat)).abs()
    }
}

/// The row or column of a coordinate among 2^steps from -max to max.
fn offset(coordinate: f64, max: f64, steps: u32) -> u32 {
    ((coordinate + max) / (2.0 * max) * (1u64 << steps) as f64) as u32
}

/// A cell of the grid whose sides were halved `steps` times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Cell {
    pub(super) bits: u64,
    pub(super) steps: u32,
}

/// The sides of an area, degrees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Bounds {
    pub(super) west: f64,
    pub(super) south: f64,
    pub(super) east: f64,
    pub(super) north: f64,
}

impl Cell {
    /// The cell of a place.
    pub(super) fn of(place: Place, steps: u32) -> Self {
        let bits = interleave(offset(place.lat, LAT_MAX, steps), offset(place.lon, LON_MAX, steps));
        Self { bits, steps }
    }

    pub(super) fn bounds(self) -> Bounds {
        let (row, column) = (gather(self.bits), gather(self.bits >> 1));
        let side = |index: u32, max: f64| -max + (f64::from(index) / (1u64 << self.steps) as f64) * (2.0 * max);
        let far_side =
            |index: u32, max: f64| -max + ((f64::from(index) + 1.0) / (1u64 << self.steps) as f64) * (2.0 * max);
        Bounds {
            west: side(column, LON_MAX),
            east: far_side(column, LON_MAX),
            south: side(row, LAT_MAX),
            north: far_side(row, LAT_MAX),
        }
    }

    /// The cell so many columns east and rows north; the grid goes around at its ends.
    pub(super) fn neighbour(self, east: i32, north: i32) -> Self {
        let mask = ((1u64 << self.steps) - 1) as u32;
        // The easternmost meridian and the northernmost parallel lie in cells of their own, which stay as they are.
        let moved = |index: u32, by: i32| if by == 0 { index } else { index.wrapping_add_signed(by) & mask };
        let (row, column) = (moved(gather(self.bits), north), moved(gather(self.bits >> 1), east));
        Self { bits: interleave(row, column), ..self }
    }

    /// The scores in the cell: from the first to the second, without that.
    pub(super) fn scores(self) -> (f64, f64) {
        let shift = 52 - 2 * self.steps;
        ((self.bits << shift) as f64, ((self.bits + 1) << shift) as f64)
    }
}

/// Bit i of `even` at 2i, bit i of `odd` at 2i + 1.
fn interleave(even: u32, odd: u32) -> u64 {
    spread(even) | spread(odd) << 1
}

fn spread(bits: u32) -> u64 {
    const STEPS: [(u32, u64); 5] = [
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ];
    STEPS.iter().fold(u64::from(bits), |word, (shift, mask)| (word | word << shift) & mask)
}

/// The even bits of a word.
fn gather(word: u64) -> u32 {
    const STEPS: [(u32, u64); 5] = [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0F0F_0F0F_0F0F_0F0F),
        (4, 0x00FF_00FF_00FF_00FF),
        (8, 0x0000_FFFF_0000_FFFF),
        (16, 0x0000_0000_FFFF_FFFF),
    ];
    STEPS.iter().fold(word & 0x5555_5555_5555_5555, |word, (shift, mask)| (word | word >> shift) & mask) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_go_apart_and_together() {
        for word in [0, 1, 0x8000_0000, 0xFFFF_FFFF, 0x1234_5678] {
            assert_eq!(gather(spread(word)), word);
        }
        assert_eq!(interleave(0b11, 0b00), 0b0101);
        assert_eq!(interleave(0b01, 0b10), 0b1001);
    }

    #[test]
    fn a_place_and_back() {
        let palermo = Place::new(13.361389, 38.115556).expect("on the map");
        assert_eq!(palermo.score(), 3_479_099_956_230_698.0);
        assert_eq!(&palermo.geohash(), b"sqc8b49rny0");
        let again = Place::of_score(palermo.score());
        assert!((again.lon - palermo.lon).abs() < 1e-5 && (again.lat - palermo.lat).abs() < 1e-5);
        assert_eq!(Place::new(0.0, 86.0), None);
        assert_eq!(Place::new(f64::NAN, 0.0), None);
    }

    #[test]
    fn neighbours_go_around() {
        let cell = Cell::of(Place { lon: 179.9, lat: 0.0 }, 4);
        assert_eq!(gather(cell.neighbour(1, 0).bits >> 1), 0);
        assert_eq!(cell.neighbour(1, 1).neighbour(-1, -1), cell);
    }
}
