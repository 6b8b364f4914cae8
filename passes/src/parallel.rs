//! Work on many functions or modules: at once with the feature `parallel`, one after the other without it.
//!
//! Without it, the names that code uses of rayon mean the standard library's iterators. What rayon has and they lack is added here, and
//! nothing else of rayon may be used.

#[cfg(feature = "parallel")]
pub use rayon::{join, prelude};

#[cfg(not(feature = "parallel"))]
pub use in_turn::{join, prelude};

#[cfg(not(feature = "parallel"))]
mod in_turn {
    /// Runs both functions.
    pub fn join<A, B>(first: impl FnOnce() -> A, second: impl FnOnce() -> B) -> (A, B) {
        (first(), second())
    }

    pub mod prelude {
        pub trait IntoParallelIterator: IntoIterator + Sized {
            fn into_par_iter(self) -> Self::IntoIter {
                self.into_iter()
            }
        }

        impl<I: IntoIterator> IntoParallelIterator for I {}

        pub trait ParallelSlice<T> {
            fn par_iter(&self) -> std::slice::Iter<'_, T>;
            fn par_iter_mut(&mut self) -> std::slice::IterMut<'_, T>;
            fn par_chunks(&self, size: usize) -> std::slice::Chunks<'_, T>;
        }

        impl<T> ParallelSlice<T> for [T] {
            fn par_iter(&self) -> std::slice::Iter<'_, T> {
                self.iter()
            }

            fn par_iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
                self.iter_mut()
            }

            fn par_chunks(&self, size: usize) -> std::slice::Chunks<'_, T> {
                self.chunks(size)
            }
        }

        pub trait ParallelIterator: Iterator + Sized {
            fn map_init<S, R>(self, init: impl Fn() -> S, map: impl Fn(&mut S, Self::Item) -> R) -> impl Iterator<Item = R> {
                let mut state = init();
                self.map(move |item| map(&mut state, item))
            }

            fn try_for_each_init<S, E>(
                mut self,
                init: impl Fn() -> S,
                each: impl Fn(&mut S, Self::Item) -> Result<(), E>,
            ) -> Result<(), E> {
                let mut state = init();
                self.try_for_each(|item| each(&mut state, item))
            }
        }

        impl<I: Iterator> ParallelIterator for I {}
    }
}
