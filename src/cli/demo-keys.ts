/** Of the example's config, which holds their hashes. They open nothing else. */
export const DEMO_KEYS = {
  acme: "tp_test_N4d3ASyx6Zi0LdAiBxQPVjXR4iLb083gllxe",
  globex: "tp_test_ZFuyeYrTn7o6XKZDRrL8ihQ2oItcPn46Q4dK",
  operator: "tp_test_iNsPTMbrKpbk5JjpIhyK6c7Xw4R6SS0QayjF",
} as const;
