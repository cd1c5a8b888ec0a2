"""The commands of `strata`, in one module for each purpose."""
