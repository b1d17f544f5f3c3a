//! Decibels: logarithms and trigonometric functions with the same bits on every system.
//!
//! The standard library uses the C library of the system, whose results differ in the last digit.
//! Values in reports must not depend on it.

/// 10·log10 of a ratio of powers; `None` unless it is positive.
pub fn of_power(ratio: f64) -> Option<f64> {
    (ratio > 0.0).then(|| 10.0 * libm::log10(ratio))
}

/// 20·log10 of a ratio of amplitudes; `None` unless it is positive.
pub fn of_amplitude(ratio: f64) -> Option<f64> {
    (ratio > 0.0).then(|| 20.0 * libm::log10(ratio))
}

/// 10 to the power of `exponent`.
pub fn power_of_ten(exponent: f64) -> f64 {
    libm::exp10(exponent)
}

/// log2 of a positive number.
pub fn logarithm_of_two(number: f64) -> f64 {
    libm::log2(number)
}

/// The cosine of an angle.
pub fn cosine(radians: f64) -> f64 {
    libm::cos(radians)
}

/// The sine of an angle.
pub fn sine(radians: f64) -> f64 {
    libm::sin(radians)
}

/// The tangent of an angle.
pub fn tangent(radians: f64) -> f64 {
    libm::tan(radians)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_has_no_level() {
        assert_eq!(of_power(0.0), None);
        assert_eq!(of_power(-1.0), None);
        assert_eq!(of_power(f64::NAN), None);
        assert_eq!((of_amplitude(0.0), of_amplitude(0.1)), (None, Some(-20.0)));
        assert_eq!((of_power(100.0), of_power(1.0)), (Some(20.0), Some(0.0)));
    }
}
