//! Statistics of the vectors of a column, from one pass and a second one for outliers.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef, Par};
use serde::Serialize;

use crate::InspectError;
use crate::best::Best;
use crate::distribution::{Collector, Distribution};
use crate::dot::dot;
use crate::duplicates::{Duplicates, Watch};
use crate::file::{Block, KeptBatches, ParquetFile, element_name};
use crate::moments::{Directions, MAX_DIMENSION, Moments};
use crate::row::{RowText, describe};

/// Rows and dimensions that are named one by one.
const NAMED: usize = 10;
/// Components whose share of the variance is told.
const TOLD_COMPONENTS: usize = 10;
/// Outliers are looked for among the components that hold this share of the variance together, and at most so many.
const OUTLIER_VARIANCE: f64 = 0.9;
const OUTLIER_COMPONENTS: usize = 64;
/// Variances below this share of the largest are rounding.
const NOISE: f64 = 1e-12;

/// Statistics of one vector column. Only finite vectors count for norms, means, dimensions, cosines and variances.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VectorStatistics {
    /// The column.
    pub column: String,
    /// Elements' type as it is stored.
    pub element: String,
    /// Elements a vector; 0 where no row has one.
    pub dimension: usize,
    /// Rows with a vector.
    pub vectors: u64,
    /// Rows without one.
    pub missing: u64,
    /// Elements that are NaN, missing ones included.
    pub nan_values: u64,
    /// Elements that are infinite.
    pub infinite_values: u64,
    /// Rows with such elements, or with a norm beyond float64.
    pub not_finite: RowExamples,
    /// Rows whose elements are all zero.
    pub zero: RowExamples,
    /// Euclidean norms.
    pub norms: Option<Distribution>,
    /// The norm of the mean vector.
    pub norm_of_mean: Option<f64>,
    /// Dimensions with the same number in every row.
    pub constant: Dimensions,
    /// Dimensions with zero in every row; constant ones too.
    pub dead: Dimensions,
    /// Equal vectors.
    pub duplicates: Duplicates,
    /// Mean cosine over all pairs of different rows whose vectors are not zero: 0 where directions are spread evenly, near 1
    /// where all point the same way (anisotropy; Ethayarajh 2019, doi:10.18653/v1/D19-1006). With unit vectors `u` of `n` rows
    /// it is `(|sum of u|^2 - n) / (n (n - 1))`, so no pairs need to be drawn.
    pub mean_cosine: Option<f64>,
    /// The spread of variance over directions; `None` for fewer than two rows, without variance, or above 2,048
    /// dimensions.
    pub spectrum: Option<Spectrum>,
    /// Rows far from the mean, the furthest first; where `spectrum` is.
    pub outliers: Option<Outliers>,
}

/// Rows with something in common.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RowExamples {
    /// Number of rows.
    pub count: u64,
    /// The first ten, zero-based.
    pub first: Vec<u64>,
}

/// Dimensions with something in common.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Dimensions {
    /// Number of dimensions.
    pub count: usize,
    /// The first ten, zero-based.
    pub first: Vec<usize>,
}

/// The spread of variance over directions, from the covariance's eigenvalues.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spectrum {
    /// The exponential of the entropy of the eigenvalues' shares: how many directions are in use, of `dimension` (Roy and
    /// Vetterli 2007, "The effective rank", EUSIPCO).
    pub effective_rank: f64,
    /// The sum of the variances of all dimensions.
    pub variance: f64,
    /// Shares of it that the ten widest directions hold.
    pub leading_shares: Vec<f64>,
    /// Directions that hold 90 % of it together.
    pub components_for_90_percent: usize,
}

/// Rows far from the mean by the Mahalanobis distance on the leading principal components: with mean `m`, components `v`
/// and their variances `s`, `sqrt(sum over the components of (v · (x - m))^2 / s)`. The components are those that hold 90 %
/// of the variance together, 64 at most. Of normal data the mean square is the number of components.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outliers {
    /// Number of components.
    pub components: usize,
    /// The rows.
    pub rows: Vec<Outlier>,
}

/// A row far from the mean.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlier {
    /// The distance.
    pub distance: f64,
    /// The row, with what the file says of it.
    #[serde(flatten)]
    pub row: RowText,
}

impl VectorStatistics {
    /// Looks at `column` in the first `limit` rows, and names `k` outliers.
    pub(crate) fn of(file: &ParquetFile, column: &str, limit: Option<u64>, k: usize) -> Result<Self, InspectError> {
        let rows = limit.map_or(file.rows(), |limit| limit.min(file.rows()));
        let mut pass = None;
        let mut kept = KeptBatches::default();
        file.each_block(column, limit, &mut kept, |block| {
            pass.get_or_insert_with(|| Pass::new(block.dimension)).add(block);
            Ok(())
        })?;
        let element = element_name(file.field(column)?);
        let Some(pass) = pass else { return Ok(Self::empty(column, element, rows)) };
        let directions = pass.moments.directions().filter(|directions| directions.variance() > 0.0);
        let outliers = match &directions {
            Some(directions) => Some(outliers(file, column, limit, k, directions, kept)?),
            None => None,
        };
        Ok(Self { missing: rows.saturating_sub(pass.vectors), outliers, ..pass.finish(column, element, directions) })
    }

    fn empty(column: &str, element: String, rows: u64) -> Self {
        let none = Pass::new(0).finish(column, element, None);
        Self { missing: rows, ..none }
    }

    /// Returns the reason why `spectrum` and `outliers` are missing; `None` if they are there, or there is nothing to
    /// say.
    pub fn no_spectrum(&self) -> Option<String> {
        let too_wide = self.spectrum.is_none() && self.dimension > MAX_DIMENSION;
        too_wide.then(|| format!("effective rank and outliers are not computed above {MAX_DIMENSION} dimensions"))
    }
}

impl RowExamples {
    fn add(&mut self, row: u64) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(row);
        }
    }
}

impl Dimensions {
    fn of(all: impl Iterator<Item = usize>) -> Self {
        let mut dimensions = Self::default();
        for dimension in all {
            dimensions.count += 1;
            if dimensions.first.len() < NAMED {
                dimensions.first.push(dimension);
            }
        }
        dimensions
    }
}

/// The sums that the first pass gathers.
struct Pass {
    dimension: usize,
    vectors: u64,
    nan_values: u64,
    infinite_values: u64,
    not_finite: RowExamples,
    zero: RowExamples,
    norms: Collector,
    /// Dimensions that have had one number so far, rising, with that number; `None` before the first finite vector.
    constant: Option<Vec<(usize, f64)>>,
    watch: Watch,
    /// Sum of the unit vectors `[dimension]`, and how many.
    units: Vec<f64>,
    unit_count: u64,
    moments: Moments,
}

impl Pass {
    fn new(dimension: usize) -> Self {
        Self {
            dimension,
            vectors: 0,
            nan_values: 0,
            infinite_values: 0,
            not_finite: RowExamples::default(),
            zero: RowExamples::default(),
            norms: Collector::new(),
            constant: None,
            watch: Watch::new(),
            units: vec![0.0; dimension],
            unit_count: 0,
            moments: Moments::new(dimension),
        }
    }

    /// Takes a block, and leaves other numbers in it.
    fn add(&mut self, block: &mut Block) {
        // Finite vectors move to the front.
        let mut finite = 0;
        for (at, &row) in block.rows.iter().enumerate() {
            let start = at * self.dimension;
            let vector = &block.values[start..start + self.dimension];
            if self.add_vector(row, vector) {
                if finite < start {
                    block.values.copy_within(start..start + self.dimension, finite);
                }
                finite += self.dimension;
            }
        }
        self.moments.add(&mut block.values[..finite]);
    }

    /// Takes a vector for everything but the moments, which want finite ones: is it?
    fn add_vector(&mut self, row: u64, vector: &[f64]) -> bool {
        self.vectors += 1;
        self.watch.add(row, vector);
        let norm = dot(vector, vector).sqrt();
        if !norm.is_finite() {
            self.nan_values += vector.iter().filter(|value| value.is_nan()).count() as u64;
            self.infinite_values += vector.iter().filter(|value| value.is_infinite()).count() as u64;
            self.not_finite.add(row);
            return false;
        }
        self.norms.add(norm);
        match &mut self.constant {
            Some(constant) => constant.retain(|&(at, number)| vector[at] == number),
            None => self.constant = Some(vector.iter().copied().enumerate().collect()),
        }
        if norm > 0.0 {
            self.unit_count += 1;
            self.units.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value / norm);
        } else {
            self.zero.add(row);
        }
        true
    }

    fn finish(self, column: &str, element: String, directions: Option<Directions>) -> VectorStatistics {
        let constant = self.constant.unwrap_or_default();
        let dead = constant.iter().filter(|(_, number)| *number == 0.0);
        let pairs = self.unit_count as f64 * (self.unit_count as f64 - 1.0);
        let mean_cosine = (dot(&self.units, &self.units) - self.unit_count as f64) / pairs;
        VectorStatistics {
            column: column.to_owned(),
            element,
            dimension: self.dimension,
            vectors: self.vectors,
            missing: 0,
            nan_values: self.nan_values,
            infinite_values: self.infinite_values,
            not_finite: self.not_finite,
            zero: self.zero,
            norms: self.norms.finish(),
            norm_of_mean: self.moments.mean().map(|mean| mean.norm_l2()),
            constant: Dimensions::of(constant.iter().map(|&(at, _)| at)),
            dead: Dimensions::of(dead.map(|&(at, _)| at)),
            duplicates: self.watch.finish(),
            mean_cosine: (self.unit_count > 1).then_some(mean_cosine),
            spectrum: directions.map(|directions| directions.spectrum()),
            outliers: None,
        }
    }
}

impl Directions {
    fn variance(&self) -> f64 {
        self.variances.iter().sum()
    }

    /// Returns the least number of directions that hold `share` of the variance.
    fn holding(&self, share: f64) -> usize {
        let enough = share * self.variance();
        let mut held = 0.0;
        let below = self.variances.iter().take_while(|&&variance| {
            held += variance;
            held < enough
        });
        (below.count() + 1).min(self.variances.len())
    }

    fn spectrum(&self) -> Spectrum {
        let total = self.variance();
        let shares = self.variances.iter().map(|variance| variance / total);
        let entropy: f64 = shares.clone().filter(|share| *share > 0.0).map(|share| -share * share.ln()).sum();
        Spectrum {
            effective_rank: entropy.exp(),
            variance: total,
            leading_shares: shares.take(TOLD_COMPONENTS).collect(),
            components_for_90_percent: self.holding(0.9),
        }
    }
}

/// The `k` rows furthest from the mean, in a pass of their own.
fn outliers(
    file: &ParquetFile,
    column: &str,
    limit: Option<u64>,
    k: usize,
    directions: &Directions,
    mut kept: KeptBatches,
) -> Result<Outliers, InspectError> {
    let widest = directions.variances.first().copied().unwrap_or(0.0);
    let real = directions.variances.iter().take_while(|&&variance| variance > NOISE * widest).count();
    let components = directions.holding(OUTLIER_VARIANCE).min(OUTLIER_COMPONENTS).min(real);
    // [components, dimension], each row divided by its deviation: distances are then plain norms.
    let axes = Mat::from_fn(components, directions.vectors.nrows(), |component, at| {
        directions.vectors[(at, component)] / directions.variances[component].sqrt()
    });
    let centre = &axes * &directions.mean;
    let mut furthest = Best::new(k);
    file.each_block(column, limit, &mut kept, |block| {
        let vectors = MatRef::from_column_major_slice(&block.values, block.dimension, block.rows.len());
        let mut places = Mat::zeros(components, block.rows.len());
        matmul(&mut places, Accum::Replace, &axes, vectors, 1.0, Par::Seq);
        for (&row, place) in block.rows.iter().zip(places.col_iter()) {
            let squares: f64 = place.iter().zip(centre.iter()).map(|(a, b)| (a - b) * (a - b)).sum();
            let distance = squares.sqrt();
            if distance.is_finite() {
                furthest.add(row, distance);
            }
        }
        Ok(())
    })?;
    let furthest = furthest.finish();
    let told = describe(file, &furthest.iter().map(|(row, _)| *row).collect::<Vec<_>>())?;
    let rows = furthest.iter().zip(told).map(|(&(_, distance), row)| Outlier { distance, row }).collect();
    Ok(Outliers { components, rows })
}
