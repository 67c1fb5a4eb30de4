/* Captions in pictures: letters drawn as strokes of round ends. */
#include "report/letters.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* A letter's strokes, with spaces between; a stroke is a chain of points, each two digits: units to the right, units down from the top of
 * tall letters. The line that letters stand on is at 6. */
typedef struct letter {
    char name;
    const char *strokes;
} letter;

static const letter letters[] = {
    {'a', "4246 4332120305163645"},
    {'b', "0006 0312324345361605"},
    {'c', "4332120305163645"},
    {'d', "4046 4332120305163645"},
    {'e', "04444332120305163645"},
    {'f', "30201116 0232"},
    {'g', "4247381807 4332120305163645"},
    {'h', "0006 0312324346"},
    {'i', "0206 0000"},
    {'j', "121708 1010"},
    {'k', "0006 3204 1436"},
    {'l', "0006"},
    {'m', "0206 0312223336 3342526366"},
    {'n', "0206 0312324346"},
    {'o', "123243453616050312"},
    {'p', "0208 0312324345361605"},
    {'q', "4248 4332120305163645"},
    {'r', "0206 031232"},
    {'s', "43321203143445361605"},
    {'t', "10152636 0232"},
    {'u', "0205163645 4246"},
    {'v', "022642"},
    {'w', "0216335662"},
    {'x', "0246 4206"},
    {'y', "0226 42261808"},
    {'z', "02420646"},
    {'0', "103041453616050110"},
    {'1', "011016"},
    {'2', "01103041420646"},
    {'3', "01103041423313 334445361605"},
    {'4', "300444 3036"},
    {'5', "400002324345361605"},
    {'6', "3010010516364544331304"},
    {'7', "004016"},
    {'8', "13020110304142331304051636454433"},
    {'9', "1636454130100102133342"},
    {'.', "0606"},
    {',', "0607"},
    {'-', "0434"},
    {'=', "0333 0535"},
    {'+', "0444 2226"},
    {'/', "3006"},
    {':', "0303 0606"},
    {'%', "0001101100 4006 3536464535"},
};

static const char *strokes_of(char name) {
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
        if (letters[i].name == name) return letters[i].strokes;
    }
    return NULL;
}

/* Units from a letter's left to where the next begins. */
static int advance(char name) {
    const char *strokes = strokes_of(name);
    int most = 0;
    if (!strokes) return 3;
    for (const char *at = strokes; *at; at += *at == ' ' ? 1 : 2) {
        if (*at != ' ' && *at - '0' > most) most = *at - '0';
    }
    return most + 2;
}

double hl_letters_width(const char *text, double unit) {
    int units = 0;
    for (; *text; text++) units += advance(*text);
    return units > 2 ? (units - 2) * unit : 0;
}

static double distance(double x, double y, const double from[2], const double to[2]) {
    double dx = to[0] - from[0], dy = to[1] - from[1], length = dx * dx + dy * dy;
    double t = length > 0 ? ((x - from[0]) * dx + (y - from[1]) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypot(x - from[0] - t * dx, y - from[1] - t * dy);
}

/* Darkens the pixels around a line, in proportion to how much of each it covers. */
static void draw_line(const hl_paper *paper, const double from[2], const double to[2], double radius) {
    int left = (int)floor(fmin(from[0], to[0]) - radius - 1), right = (int)ceil(fmax(from[0], to[0]) + radius + 1);
    int top = (int)floor(fmin(from[1], to[1]) - radius - 1), bottom = (int)ceil(fmax(from[1], to[1]) + radius + 1);
    for (int y = top < 0 ? 0 : top; y <= bottom && y < paper->height; y++) {
        for (int x = left < 0 ? 0 : left; x <= right && x < paper->width; x++) {
            double covered = radius + 0.5 - distance(x + 0.5, y + 0.5, from, to);
            unsigned char ink = (unsigned char)(255 - 225 * (covered < 0 ? 0 : covered > 1 ? 1 : covered));
            unsigned char *rgb = paper->rgb + 3 * ((size_t)y * (size_t)paper->width + (size_t)x);
            for (int c = 0; c < 3; c++) rgb[c] = rgb[c] < ink ? rgb[c] : ink;
        }
    }
}

static void draw_strokes(const hl_paper *paper, const char *strokes, double left, double top, double unit) {
    double before[2] = {0, 0};
    bool begun = false;
    for (const char *at = strokes; *at;) {
        if (*at == ' ') {
            begun = false, at++;
            continue;
        }
        double point[2] = {left + (at[0] - '0') * unit, top + (at[1] - '0') * unit};
        if (begun) draw_line(paper, before, point, 0.38 * unit);
        memcpy(before, point, sizeof point);
        begun = true, at += 2;
    }
}

void hl_letters_draw(const hl_paper *paper, const char *text, double left, double top, double unit) {
    for (; *text; text++) {
        const char *strokes = strokes_of(*text);
        if (strokes) draw_strokes(paper, strokes, left, top, unit);
        left += advance(*text) * unit;
    }
}
