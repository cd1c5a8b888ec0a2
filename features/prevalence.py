"""The share of a whole population that has each condition, as published for England.

Sources: NHS Digital, Quality and Outcomes Framework 2022-23 (registers over whole lists, rounded). Where it has no register (anxiety,
hypothyroidism, osteoarthritis, alcohol, substance misuse and the rarer conditions) after Head et al., Lancet Healthy Longevity 2021, tables of
long-term conditions. Frailty after Clegg et al., Age and Ageing 2016 (moderate or severe in 15% from 65).
"""

PREVALENCE = {
    "obesity": 0.094, "learning_disability": 0.006, "asthma": 0.062, "hypertension": 0.135, "type_1_diabetes": 0.005,
    "type_2_diabetes": 0.055, "alcohol_problems": 0.014, "severe_mental_illness": 0.0095, "substance_misuse": 0.006,
    "depression": 0.105, "anxiety": 0.06, "epilepsy": 0.007, "multiple_sclerosis": 0.002, "rheumatoid_arthritis": 0.007,
    "hypothyroidism": 0.035, "psoriasis": 0.02, "inflammatory_bowel_disease": 0.007, "osteoarthritis": 0.06, "gout": 0.016,
    "osteoporosis": 0.012, "chronic_liver_disease": 0.005, "copd": 0.018, "bronchiectasis": 0.003,
    "coronary_heart_disease": 0.030, "atrial_fibrillation": 0.021, "heart_failure": 0.0105, "stroke_tia": 0.018, "chronic_kidney_disease": 0.034,
    "peripheral_arterial_disease": 0.006, "cancer": 0.035, "parkinsons_disease": 0.0022, "dementia": 0.0075, "frailty": 0.028,
}  # fmt: skip
