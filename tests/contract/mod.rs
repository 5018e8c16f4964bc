//! What every caller may rely on, whatever the model.

mod addresses;
mod alive;
mod guard;
mod items;
mod options;
mod parts;
mod refusals;
