// Written by testdata/fit.py.
// e^x for |x| <= ln(2)/2, ascending powers. Largest relative error 1.9e-09.
static const float exp_coefficients[] = {1.000000001e+00f, 1.000000036e+00f, 4.999999208e-01f, 1.666642017e-01f, 4.166822564e-02f, 8.374815782e-03f, 1.383684194e-03f};
#define MILLS_RATE 0.28f
#define MILLS_FAR 14.0f
// P(Z > a) e^(a^2/2) for 0 <= a <= MILLS_FAR in t = 1/(1 + MILLS_RATE a), ascending powers. Largest relative error 2.8e-08.
static const float mills_coefficients[] = {1.235568555e-05f, 1.114317604e-01f, 1.142485997e-01f, 8.979800087e-02f, 1.260452195e-01f, -1.323452746e-02f, 1.045302476e-01f, 4.341082044e-03f, -5.445082038e-02f, 1.727809575e-02f};
