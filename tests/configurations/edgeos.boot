firewall {
    all-ping enable
    group {
        address-group REMOTE {
            address 198.51.100.4
            address 198.51.100.8-198.51.100.11
        }
    }
    name WAN_LOCAL {
        default-action drop
        description "WAN to router"
        rule 10 {
            action accept
            state {
                established enable
                related enable
            }
        }
        rule 20 {
            action accept
            destination {
                port 443
            }
            protocol tcp
            source {
                group {
                    address-group REMOTE
                }
            }
        }
    }
}
interfaces {
    ethernet eth0 {
        description "Internet (PPPoE)"
        pppoe 0 {
            firewall {
                local {
                    name WAN_LOCAL
                }
            }
            password S3cr3t-eo-pppoe
            user-id user@isp
        }
    }
    ethernet eth1 {
        address 192.168.1.1/24
    }
}
service {
    gui {
        http-port 80
        https-port 443
    }
    snmp {
        community public {
            authorization ro
        }
    }
    ssh {
        port 22
    }
    telnet {
        port 23
    }
    ubnt-discover {
        disable
    }
    nat {
        rule 5010 {
            outbound-interface pppoe0
            type masquerade
        }
    }
}
system {
    host-name HOSP-ER
    login {
        user ubnt {
            authentication {
                encrypted-password $5$S3cr3t-eo-user
            }
            level admin
        }
        user guest {
            authentication {
                plaintext-password "S3cr3t-eo-plain"
            }
            level operator
        }
    }
}
vpn {
    ipsec {
        site-to-site {
            peer 203.0.113.81 {
                authentication {
                    mode pre-shared-secret
                    pre-shared-secret S3cr3t-eo-psk
                }
            }
        }
    }
    pptp {
        remote-access {
            authentication {
                local-users {
                    username u1 {
                        password S3cr3t-eo-pptp
                    }
                }
            }
        }
    }
}
/* Warning: Do not remove the following line. */
/* === vyatta-config-version: "config-management@1:firewall@5" === */
/* Release version: v2.0.9-hotfix.7.5622762.230615.1131 */
