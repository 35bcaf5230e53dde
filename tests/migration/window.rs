//! This file is to come.
