//! Who may do what on the bus, and what a worker does when somebody tries more.

mod hostile;
mod injection;
mod rights;
