//! The area of a search: what is in it, and the few cells of the grid that cover it.

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
    pub(super) middle: Place,
    pub(super) shape: Shape,
}

/// Half of the equator, metres, on the web's map.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

impl Area {
    /// How far from the middle a place is, if it is in the area; metres.
    pub(super) fn distance_m(&self, place: Place) -> Option<f64> {
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
