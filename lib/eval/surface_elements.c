/* How large the surface is that marching cubes lays between 2 x 2 x 2 voxels. */
#include <math.h>

#include "eval/stack.h"

/* Corner c of the cube lies at x = c & 1, y = c >> 1 & 1, z = c >> 2. The surface crosses an edge in its middle; edge 3 c + axis leads from
 * c along the axis. Each crossing is linked with two others, one on each face of the edge. */
typedef struct crossings {
    int links[24][2], count[24];
} crossings;

static int edge_between(int a, int b) {
    int axis = (a ^ b) >> 1; /* 1, 2, 4 become 0, 1, 2 */
    return 3 * (a & b) + axis;
}

static void link_crossings(crossings *c, int a, int b) {
    c->links[a][c->count[a]++] = b;
    c->links[b][c->count[b]++] = a;
}

/* On a face the surface cuts off each run of corners inside: two corners that face each other across it stay apart. */
static void link_face(crossings *c, int inside, const int ring[4]) {
    for (int i = 0; i < 4; i++) {
        int before = ring[(i + 3) % 4], last = i;
        if (!(inside >> ring[i] & 1) || inside >> before & 1) continue;
        while (inside >> ring[(last + 1) % 4] & 1) last++;
        link_crossings(c, edge_between(before, ring[i]), edge_between(ring[last % 4], ring[(last + 1) % 4]));
    }
}

static void link_faces(crossings *c, int inside) {
    for (int axis = 0; axis < 3; axis++) {
        int u = 1 << (axis + 1) % 3, v = 1 << (axis + 2) % 3;
        for (int side = 0; side <= 1 << axis; side += 1 << axis)
            link_face(c, inside, (const int[]){side, side | u, side | u | v, side | v});
    }
}

/* The area of a triangle of edge middles in a cube of sides `spacing`. */
static double triangle_area(int p, int q, int r, const double spacing[3]) {
    double a[3], b[3];
    const int ends[3] = {p, q, r};
    double at[3][3];
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++) at[i][k] = ((ends[i] / 3 >> k & 1) + (ends[i] % 3 == k ? 0.5 : 0)) * spacing[k];
    }
    for (int k = 0; k < 3; k++) a[k] = at[1][k] - at[0][k], b[k] = at[2][k] - at[0][k];
    double x = a[1] * b[2] - a[2] * b[1], y = a[2] * b[0] - a[0] * b[2], z = a[0] * b[1] - a[1] * b[0];
    return sqrt(x * x + y * y + z * z) / 2;
}

/* A loop of crossings is no plane as a rule, so that its area depends on how it is cut into triangles. The table of the surface-distance
 * library has the cut that is largest in a cube of sides 1, whatever the spacing. */
static double loop_area(const int *loop, int n, const double spacing[3]) {
    static const double ones[3] = {1, 1, 1};
    double unit[12][12] = {{0}}, area[12][12] = {{0}}; /* of the polygon from i to j */
    for (int length = 2; length < n; length++) {
        for (int i = 0; i + length < n; i++) {
            int j = i + length;
            for (int m = i + 1; m < j; m++) {
                double cut = unit[i][m] + unit[m][j] + triangle_area(loop[i], loop[m], loop[j], ones);
                if (cut <= unit[i][j] + 1e-9) continue;
                unit[i][j] = cut;
                area[i][j] = area[i][m] + area[m][j] + triangle_area(loop[i], loop[m], loop[j], spacing);
            }
        }
    }
    return area[0][n - 1];
}

static int bits(int value) {
    int count = 0;
    for (; value; value &= value - 1) count++;
    return count;
}

/* With more than four inside, the outside is what is cut off. */
static double element_area(int inside, const double spacing[3]) {
    crossings c = {.count = {0}};
    bool seen[24] = {false};
    double sum = 0;
    link_faces(&c, bits(inside) > 4 ? 255 ^ inside : inside);
    for (int first = 0; first < 24; first++) {
        int loop[12], n = 0;
        for (int at = first; c.count[at] && !seen[at];) {
            seen[at] = true;
            loop[n++] = at;
            at = seen[c.links[at][0]] ? c.links[at][1] : c.links[at][0];
        }
        if (n) sum += loop_area(loop, n, spacing);
    }
    return sum;
}

double hl_surface_element_area(int inside, const double spacing[3]) { return element_area(inside & 255, spacing); }

/* Between 2 x 2 pixels the contour runs straight, or cuts off a corner or two. */
static double element_length(int inside, const double spacing[3]) {
    double diagonal = sqrt(spacing[0] * spacing[0] + spacing[1] * spacing[1]) / 2;
    switch (inside) {
    case 0:
    case 15:
        return 0;
    case 3:
    case 12:
        return spacing[0];
    case 5:
    case 10:
        return spacing[1];
    case 6:
    case 9:
        return 2 * diagonal;
    default:
        return diagonal;
    }
}

void hl_surface_element_areas(const double spacing[3], bool planar, double areas[256]) {
    for (int k = 0; k < 256; k++) areas[k] = !planar ? element_area(k, spacing) : k < 16 ? element_length(k, spacing) : 0;
}
