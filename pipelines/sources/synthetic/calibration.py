"""The public figures that the synthetic board is calibrated to, each with its source.

Figures are rounded, and smooth curves join them: the board must be plausible, not reproduce a publication. Shares by age and ethnic
group, and their gradients, were computed from the open files named. Figures marked (recalled) were not checked again. `TARGETS` holds
the figures that a complete board must show, and the tests check them.
"""

from __future__ import annotations

import numpy as np

# What a complete board shows. Sources: QAdmissions (Hippisley-Cox 2013): about 6 first emergency admissions per 100 adult
# person-years, including those without a night, so 4 to 5% of a registered list with a night; rates about 1.7 times higher in the most deprived tenth
# than in the least at equal age (recalled: NHS England, Hospital Admitted Patient Care Activity, emergency admissions by IMD decile).
TARGETS = {
    "share_with_emergency_admission": 0.06,
    "share_with_night": 0.045,
    "ratio_most_to_least_deprived": 1.7,
    "events_per_person_year": 8.0,
    "crude_death_rate": 0.0096,  # ONS, Deaths registered in England and Wales 2022: 577,160 deaths
}

# Share of people in five-year bands 0-4 ... 85-89, and 90 and over: ONS mid-2020 population estimates, England.
AGE_SHARES = np.array([
    0.0573, 0.0626, 0.0608, 0.0551, 0.0614, 0.0667, 0.0676, 0.0661, 0.0615, 0.0643, 0.0685, 0.0665, 0.0565, 0.0492, 0.0498, 0.0355,
    0.0256, 0.0157, 0.0092,
])  # fmt: skip
# Log ratio of each band's share, most to least deprived tenth of areas: deprived areas are younger
# (ONS mid-2020 population estimates by LSOA, MHCLG IMD 2019).
AGE_LOG_RATIO_MOST_TO_LEAST_DEPRIVED = np.log([
    0.0749 / 0.0478, 0.0798 / 0.0594, 0.0746 / 0.0634, 0.0633 / 0.0597, 0.0660 / 0.0486, 0.0769 / 0.0445, 0.0774 / 0.0461,
    0.0707 / 0.0549, 0.0600 / 0.0631, 0.0595 / 0.0719, 0.0614 / 0.0753, 0.0575 / 0.0738, 0.0483 / 0.0628, 0.0390 / 0.0566,
    0.0341 / 0.0620, 0.0233 / 0.0451, 0.0173 / 0.0327, 0.0103 / 0.0205, 0.0059 / 0.0119,
])  # fmt: skip

# ONS Census 2021, England, table TS021: five groups; the split into the 16 categories of 2001 within them is rounded (recalled).
ETHNIC_GROUPS = ("white", "mixed", "asian", "black", "other")
ETHNIC_GROUP_SHARES = np.array([0.8105, 0.0296, 0.0961, 0.0422, 0.0218])
# Log of the ratio of the most to the least deprived decile's share by group (Census 2021 by IMD 2025 decile).
ETHNIC_LOG_RATIO_MOST_TO_LEAST_DEPRIVED = np.log([0.682 / 0.885, 0.034 / 0.025, 0.174 / 0.065, 0.076 / 0.012, 0.035 / 0.012])
ETHNIC_CATEGORIES = {
    "white": {"A": 0.907, "B": 0.011, "C": 0.082},
    "mixed": {"D": 0.30, "E": 0.14, "F": 0.28, "G": 0.28},
    "asian": {"H": 0.34, "J": 0.29, "K": 0.12, "L": 0.25},
    "black": {"M": 0.26, "N": 0.62, "P": 0.12},
    "other": {"R": 0.26, "S": 0.74},
}
# About one record in ten lacks a valid category: NHS Digital, HES data quality notes (recalled).
ETHNICITY_NOT_STATED, ETHNICITY_NOT_KNOWN = 0.05, 0.03

# ONS Census 2021, household size, England: 1 to 6 people (recalled).
HOUSEHOLD_SIZE_SHARES = np.array([0.301, 0.340, 0.160, 0.129, 0.046, 0.024])

# Yearly rates (recalled). Births: ONS, births in England 2021, 10.5 per 1,000. Moves: ONS, internal migration 2020: about a tenth of
# people move a year, most within their authority; people new to or gone from an ICB: 2 to 3 in 100.
BIRTH_RATE = 0.0105
MOVE_IN_RATE = 0.024
MOVE_OUT_RATE = 0.020
MOVE_RATES_BY_AGE = ((30, 0.14), (45, 0.08), (65, 0.035), (200, 0.025))  # (upper age, moves per household per year)
NEW_FROM_SAME_PLACE = 0.65  # share of moves within the neighbourhood

# NHS Personal Demographics Service pseudo-postcodes. Well under 1 in 100 people on a list has no area.
NO_FIXED_ABODE_SHARE, POSTCODE_UNKNOWN_SHARE, OUTSIDE_ENGLAND_SHARE = 0.003, 0.005, 0.002

# Gompertz fit to ONS National Life Tables, England 2020-2022 (recalled; yearly risk at 30 .0004, 50 .003, 70 .017, 80 .05, 90 .15), before the effect of illness.
DEATH_LEVEL, DEATH_SLOPE = 5.6e-6, 0.098
INFANT_DEATH_RISK = 0.0039  # ONS, Child and infant mortality in England and Wales 2021
DEATH_FEMALE_LOG_RATIO = -0.35
DEATH_DEPRIVATION_LOG_RATIO = 0.45  # ONS, Health state life expectancies by IMD decile 2018-2020, less the effect of conditions
DEATH_IN_HOSPITAL_SHARE = 0.43  # OHID, Palliative and end of life care profiles, 2022

# Emergency spells per person-year by age, before the effects of illness, deprivation and frailty. Shape: NHS Digital,
# Hospital Admitted Patient Care Activity 2022-23 (high in infancy, lowest at school age, doubling about every 12 years from 60).
EMERGENCY_AGES = np.array([0, 1, 2, 5, 10, 16, 20, 30, 40, 50, 60, 70, 80, 90, 110])
EMERGENCY_RATES = np.array([0.24, 0.13, 0.08, 0.040, 0.029, 0.038, 0.044, 0.046, 0.044, 0.045, 0.052, 0.072, 0.118, 0.185, 0.24])
# A&E attendances (types 1 to 4) without an admission: NHS Digital, Hospital Accident & Emergency Activity 2022-23, thinned.
ATTENDANCE_AGES = np.array([0, 1, 3, 6, 12, 18, 25, 40, 60, 75, 90, 110])
ATTENDANCE_RATES = np.array([0.60, 0.55, 0.38, 0.27, 0.27, 0.30, 0.30, 0.23, 0.19, 0.22, 0.34, 0.38])
# Outpatient appointments and elective stays: NHS Digital, Hospital Outpatient Activity and Admitted Patient Care 2022-23, thinned.
OUTPATIENT_AGES = np.array([0, 5, 18, 30, 45, 60, 75, 90, 110])
OUTPATIENT_RATES = np.array([0.55, 0.38, 0.42, 0.65, 0.72, 0.98, 1.35, 1.10, 0.9])
ELECTIVE_AGES = np.array([0, 5, 18, 40, 55, 70, 80, 90, 110])
ELECTIVE_RATES = np.array([0.03, 0.025, 0.035, 0.06, 0.10, 0.16, 0.17, 0.09, 0.05])
CONTACT_AGES = np.array([0, 2, 6, 16, 30, 50, 70, 85, 110])
CONTACT_RATES = np.array([2.9, 2.3, 1.15, 1.4, 1.65, 1.8, 2.55, 3.2, 3.2])

# NHS England, A&E attendances and emergency admissions (recalled): above the mean in winter, below it in summer (January first).
SEASON = np.array([1.09, 1.05, 1.02, 0.97, 0.98, 0.96, 0.96, 0.93, 0.96, 1.00, 1.04, 1.08])
RESPIRATORY_SEASON = np.array([1.45, 1.20, 1.05, 0.90, 0.80, 0.72, 0.66, 0.64, 0.80, 1.00, 1.25, 1.60])
# NHS England, monthly activity (recalled): emergency admissions fell by 39% and A&E attendances by 57% in April 2020.
PANDEMIC = {
    (2020, 3): 0.80, (2020, 4): 0.60, (2020, 5): 0.70, (2020, 6): 0.80, (2020, 7): 0.88, (2020, 8): 0.92, (2020, 9): 0.92,
    (2020, 10): 0.90, (2020, 11): 0.86, (2020, 12): 0.88, (2021, 1): 0.84, (2021, 2): 0.84, (2021, 3): 0.92,
}  # fmt: skip

# Nights (recalled): NHS Digital, Hospital Admitted Patient Care Activity 2022-23: about a third of emergency spells have no night; the mean of the others is 7 to 8.
ZERO_NIGHT_AGES = np.array([0, 5, 18, 40, 65, 80, 110])
ZERO_NIGHT_SHARES = np.array([0.55, 0.53, 0.48, 0.43, 0.31, 0.21, 0.16])
NIGHTS_LOG_MEAN_AGES = np.array([0, 5, 18, 40, 65, 80, 110])
NIGHTS_LOG_MEAN = np.array([0.35, 0.35, 0.55, 0.90, 1.30, 1.65, 1.80])
NIGHTS_LOG_SD = 0.95

# (Recalled) share of stays followed by another emergency admission within about a month: NHS Digital, Emergency readmissions within 30 days, 2020-21: about 14%.
READMISSION_SHARE, READMISSION_MEAN_DAYS = 0.13, 24.0
# (Recalled) ONS, births by mother's age 2021, per woman and year.
FERTILITY_AGES = np.array([15, 20, 25, 30, 35, 40, 45, 46])
FERTILITY_RATES = np.array([0.006, 0.040, 0.080, 0.105, 0.065, 0.016, 0.002, 0.0])
# (Recalled) ONS, Adult smoking habits 2022: 12.7% smoke, three times as many in the most deprived fifth as in the least; OHID: a quarter are former smokers.
SMOKING_SHARE, SMOKING_DEPRIVATION_LOG_RATIO, FORMER_SMOKER_SHARE = 0.13, 1.1, 0.25
