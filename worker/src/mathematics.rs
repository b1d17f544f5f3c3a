//! Mathematics: the functions of the C library from which decoders compute their tables, so that
//! what they decode has the same bits on every system.
//!
//! A program that decodes or measures calls [`export_mathematics!`](crate::export_mathematics) once,
//! and its linker takes the functions from there. A library never does, since it would decide for
//! every program that links it.
//!
//! C libraries differ in the last bit: GNU's from one release to the next and from one processor to
//! another, MinGW's from all. What is computed in double precision and then rounded to single is,
//! but for one case in many millions, the number nearest to the true one.

#[doc(hidden)]
pub use libm;

/// Defines the mathematical functions of the C library in this program: `sin`, `cosf`, `pow` and so
/// on, computed as on every other system.
#[macro_export]
macro_rules! export_mathematics {
    () => {
        mod exported_mathematics {
            #![expect(unsafe_code, reason = "a symbol must have the name by which it is linked")]

            use $crate::mathematics::libm;

            $crate::export_mathematics! {
                @functions
                sin, sinf, (x);
                cos, cosf, (x);
                tan, tanf, (x);
                exp, expf, (x);
                exp2, exp2f, (x);
                log, logf, (x);
                log2, log2f, (x);
                log10, log10f, (x);
                pow, powf, (x, y);
            }

            /// Both at once, as compilers ask for them.
            ///
            /// # Safety
            ///
            /// Both pointers must be valid for writes.
            // SAFETY: it is the function of that name in GNU's C library.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn sincos(x: f64, sine: *mut f64, cosine: *mut f64) {
                // SAFETY: the caller has promised that they can be written.
                unsafe {
                    sine.write(libm::sin(x));
                    cosine.write(libm::cos(x));
                }
            }

            /// The same in single precision.
            ///
            /// # Safety
            ///
            /// Both pointers must be valid for writes.
            // SAFETY: it is the function of that name in GNU's C library.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn sincosf(x: f32, sine: *mut f32, cosine: *mut f32) {
                // SAFETY: the caller has promised that they can be written.
                unsafe {
                    sine.write(sinf(x));
                    cosine.write(cosf(x));
                }
            }
        }
    };
    (@functions $($double:ident, $single:ident, ($($argument:ident),+);)+) => {
        $(
            // SAFETY: it is the function of that name in C, with its arguments and its meaning.
            #[unsafe(no_mangle)]
            extern "C" fn $double($($argument: f64),+) -> f64 {
                libm::$double($($argument),+)
            }

            // SAFETY: likewise.
            #[expect(clippy::cast_possible_truncation, reason = "that is how it is rounded")]
            #[unsafe(no_mangle)]
            extern "C" fn $single($($argument: f32),+) -> f32 {
                libm::$double($(f64::from($argument)),+) as f32
            }
        )+
    };
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    /// Among them are those of AAC: sines of its windows, and powers of 4/3.
    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "that is how it is rounded")]
    fn numbers_in_single_precision_are_the_nearest_to_the_true_ones() {
        for n in 0..8193_u16 {
            let x = black_box(f32::from(n));
            let angle = (x + 0.5) * (std::f32::consts::PI / 2048.0);
            let told = [angle.sin(), angle.cos(), x.powf(4.0 / 3.0)];
            let (wide, third) = (f64::from(angle), f64::from(4.0_f32 / 3.0));
            let ours = [libm::sin(wide), libm::cos(wide), libm::pow(f64::from(x), third)];
            let ours = ours.map(|number| (number as f32).to_bits());
            assert_eq!(told.map(f32::to_bits), ours, "{n}");
        }
    }

    #[test]
    fn the_standard_library_uses_the_exported_functions() {
        for n in 1..=2000_i16 {
            let x = black_box(f64::from(n) * 0.37);
            let told = [x.sin(), x.cos(), x.ln(), x.log10(), x.powf(1.7), (-x).exp()];
            let ours = [
                libm::sin(x),
                libm::cos(x),
                libm::log(x),
                libm::log10(x),
                libm::pow(x, 1.7),
                libm::exp(-x),
            ];
            assert_eq!(told.map(f64::to_bits), ours.map(f64::to_bits), "{x}");
        }
    }
}
