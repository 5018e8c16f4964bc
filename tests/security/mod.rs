//! Who may do what on the bus, and what a worker does when somebody tries more.

mod injection;
mod rights;
