//! The area of a search: what is in it, and the few cells of the grid that cover it.

use std::f64::consts::FRAC_PI_2;

use smallvec::SmallVec;

use super::cell::{Bounds, Cell, EARTH_RADIUS_M, Place, STEPS_MAX, degrees, radians};

/// A shape around its middle; metres.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Circle { radius_m: f64 },
    Box { width_m: f64, height_m: f64 },
}

/// A shape at a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    middle: Place,
    shape: Shape,
    outside: Outside,
}

/// Degrees of latitude and longitude from the middle beyond which a place is outside for certain: most of those that a
/// search looks at are, and sines cost more than all else.
#[derive(Clone, Copy, Debug)]
struct Outside {
    lat: f64,
    lon: f64,
}

impl Outside {
    /// Far more than the error of the distance that is computed otherwise.
    const MARGIN: f64 = 1.0 + 1e-9;
    const NOWHERE: Self = Self { lat: f64::INFINITY, lon: f64::INFINITY };

    /// Of a circle. By the haversine, sin²(angle / 2) is at least cos(lat) * cos(lat of the place) * sin²(lon / 2); the
    /// cosine of a place's latitude is least where the circle is nearest to a pole.
    fn of_circle(middle: Place, radius_m: f64) -> Self {
        let angle = radius_m / EARTH_RADIUS_M;
        let lat = radians(middle.lat);
        let nearest_to_pole = lat.abs() + angle;
        // Around a pole all longitudes are near; not a number is no bound either.
        let is_bounded = nearest_to_pole < FRAC_PI_2;
        let sine = (angle / 2.0).sin() / (lat.cos() * nearest_to_pole.cos()).sqrt();
        let lon = if is_bounded && sine < 1.0 { 2.0 * sine.asin() } else { f64::INFINITY };
        if !angle.is_finite() {
            return Self::NOWHERE;
        }
        // A little more than nothing: a search of radius 0 finds what is at its middle.
        Self { lat: degrees(angle) * Self::MARGIN + 1e-12, lon: degrees(lon) * Self::MARGIN + 1e-12 }
    }

    fn has(&self, middle: Place, place: Place) -> bool {
        let lon = (place.lon - middle.lon).abs();
        // The short way round.
        (place.lat - middle.lat).abs() > self.lat || lon.min(360.0 - lon) > self.lon
    }
}

/// Half of the equator, metres, on the web's map.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

impl Area {
    pub(super) fn new(middle: Place, shape: Shape) -> Self {
        let outside = match shape {
            Shape::Circle { radius_m } => Outside::of_circle(middle, radius_m),
            Shape::Box { .. } => Outside::NOWHERE,
        };
        Self { middle, shape, outside }
    }

    /// How far from the middle a place is, if it is in the area; metres.
    pub(super) fn distance_m(&self, place: Place) -> Option<f64> {
        if self.outside.has(self.middle, place) {
            return None;
        }
        match self.shape {
            Shape::Circle { radius_m } => {
                Some(self.middle.distance_m(place)).filter(|distance_m| *distance_m <= radius_m)
            }
            Shape::Box { width_m, height_m } => {
                // Along a parallel at the place's own latitude, as the box is meant.
                let beside = Place { lon: self.middle.lon, lat: place.lat };
                let is_inside =
                    place.lat_distance_m(self.middle) <= height_m / 2.0 && place.distance_m(beside) <= width_m / 2.0;
                is_inside.then(|| self.middle.distance_m(place))
            }
        }
    }

    fn bounds(&self) -> Bounds {
        let (half_width_m, half_height_m) = match self.shape {
            Shape::Circle { radius_m } => (radius_m, radius_m),
            Shape::Box { width_m, height_m } => (width_m / 2.0, height_m / 2.0),
        };
        let Place { lon, lat } = self.middle;
        let lat_delta = degrees(half_height_m / EARTH_RADIUS_M);
        // Meridians are nearest to each other on the side of the pole: there the same width is most degrees.
        let widest = if lat < 0.0 { lat - lat_delta } else { lat + lat_delta };
        let lon_delta = degrees(half_width_m / EARTH_RADIUS_M / radians(widest).cos());
        Bounds { west: lon - lon_delta, east: lon + lon_delta, south: lat - lat_delta, north: lat + lat_delta }
    }

    /// How often to halve the grid so that a cell and its eight neighbours cover the area.
    fn steps(&self) -> u32 {
        let mut radius_m = match self.shape {
            Shape::Circle { radius_m } => radius_m,
            Shape::Box { width_m, height_m } => (width_m / 2.0).hypot(height_m / 2.0),
        };
        if radius_m == 0.0 {
            return STEPS_MAX;
        }
        let mut steps = 1i32;
        while radius_m < MERCATOR_MAX_M && steps < 64 {
            radius_m *= 2.0;
            steps += 1;
        }
        let towards_pole = [66.0, 80.0].iter().filter(|limit| self.middle.lat.abs() > **limit).count();
        (steps - 2 - towards_pole as i32).clamp(1, STEPS_MAX as i32) as u32
    }

    /// The cells that cover the area: the middle one, then its neighbours, in the order in which members are found.
    pub(super) fn cells(&self) -> SmallVec<[Cell; 9]> {
        let bounds = self.bounds();
        let mut steps = self.steps();
        let mut cell = Cell::of(self.middle, steps);
        let is_short = cell.neighbour(0, 1).bounds().north < bounds.north
            || cell.neighbour(0, -1).bounds().south > bounds.south
            || cell.neighbour(1, 0).bounds().east < bounds.east
            || cell.neighbour(-1, 0).bounds().west > bounds.west;
        if steps > 1 && is_short {
            steps -= 1;
            cell = Cell::of(self.middle, steps);
        }
        let own = cell.bounds();
        let is_useless = |(east, north): (i32, i32)| {
            steps >= 2
                && (north < 0 && own.south < bounds.south
                    || north > 0 && own.north > bounds.north
                    || east < 0 && own.west < bounds.west
                    || east > 0 && own.east > bounds.east)
        };
        const AROUND: [(i32, i32); 9] = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let mut cells = SmallVec::new();
        for (east, north) in AROUND.into_iter().filter(|side| !is_useless(*side)) {
            let next = cell.neighbour(east, north);
            // In a huge area neighbours are the same cell, which must not be searched twice in a row.
            if cells.last() != Some(&next) {
                cells.push(next);
            }
        }
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A circle has all places whose distance says so, and no others.
    #[test]
    fn what_is_outside_for_certain_is_outside() {
        let mut state = 7_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for round in 0..200_000 {
            let mut place = |at: usize| {
                let sides = [-1.0, 1.0, 0.0, 2.0 * draw() - 1.0, 2.0 * draw() - 1.0];
                Place { lon: 180.0 * sides[at % 5], lat: 85.05 * sides[at / 5 % 5] }
            };
            let (middle, mut other) = (place(round), place(round / 25));
            if round % 2 == 0 {
                let near = (draw() * 13.0 - 12.0).exp().min(1.0);
                other.lon = middle.lon + (other.lon - middle.lon) * near;
                other.lat = middle.lat + (other.lat - middle.lat) * near;
            }
            let distance_m = middle.distance_m(other);
            // Also a circle whose edge it is.
            for radius_m in [30_000_000.0 * draw(), 2000.0 * draw(), 0.0, distance_m, f64::INFINITY] {
                let found = Area::new(middle, Shape::Circle { radius_m }).distance_m(other);
                assert_eq!(found, Some(distance_m).filter(|it| *it <= radius_m), "{middle:?} {other:?} {radius_m}");
            }
        }
    }
}
