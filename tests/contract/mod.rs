//! What every caller may rely on, whatever the model.

mod addresses;
mod alive;
mod guard;
mod items;
mod options;
mod packing;
mod parts;
mod prompts;
mod refusals;
