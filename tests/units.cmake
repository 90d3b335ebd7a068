# Filled by the sections below: one careen_unit_test for each folder of src/.
