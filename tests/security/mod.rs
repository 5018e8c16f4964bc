//! Who may do what on the bus, and what a worker does when somebody tries more.

mod canary;
mod certificates;
mod hostile;
mod identities;
mod injection;
mod jwt;
mod rights;
