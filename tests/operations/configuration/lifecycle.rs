//! Rows for how long models are loaded, and who decides it.

use super::rows::From::{self, File};

/// What is set, and the line that refuses it.
pub(super) const ROWS: &[(From, &str)] = &[
    (
        File("[service]\nadmin = 1"),
        "service.admin = 1: must be true or false",
    ),
    (
        File("[runtime]\nmemory_budget_bytes = -1"),
        "runtime.memory_budget_bytes = -1: must be a whole number between 0 and 1125899906842624",
    ),
    (
        File("[[models]]\nname = 'F'\nkind = 'fake'\nlazy = 1"),
        "models.lazy = 1: must be true or false",
    ),
    (
        File("[[models]]\nname = 'F'\nkind = 'fake'\nload_ms = -1"),
        "models.load_ms = -1: must be a whole number between 0 and 3600000",
    ),
    (
        File("[[models]]\nname = 'F'\nkind = 'fake'\nmemory_bytes = -1"),
        "models.memory_bytes = -1: must be a whole number between 0 and 1099511627776",
    ),
    (
        File("[[models]]\nname = 'AllMiniLML6V2'\nmemory_bytes = 1"),
        "models.memory_bytes: must be set for models of kind \"fake\" alone",
    ),
];
