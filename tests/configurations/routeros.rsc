# 2024-04-01 10:00:00 by RouterOS 7.14.3
# software id = AAAA-BBBB
#
# model = RB4011iGS+
# serial number = D4440000AAAA
/interface bridge
add name=bridge
/interface pppoe-client
add disabled=no interface=ether1 name=pppoe-out1 password=S3cr3t-ro-pppoe user=u
/interface wireguard
add listen-port=13231 name=wg1 private-key="S3cr3t-ro-wgprivate="
/interface wireguard peers
add allowed-address=10.8.0.2/32 interface=wg1 preshared-key="S3cr3t-ro-wgpsk=" public-key="AAAA="
/interface wifi security
add authentication-types=wpa2-psk name=sec1 passphrase="S3cr3t-ro wifi"
/interface list
add name=WAN
/ip ipsec peer
add address=203.0.113.66/32 exchange-mode=ike2 name=branch
/ip ipsec identity
add peer=branch secret=S3cr3t-ro-psk
/snmp community
set [ find default=yes ] disabled=yes
add addresses=192.168.88.0/24 name=S3cr3t-ro-community write-access=yes
add addresses=192.168.88.10/32 authentication-password=S3cr3t-ro-v3auth encryption-password=S3cr3t-ro-v3priv \
    name=private security=private
/interface list member
add interface=pppoe-out1 list=WAN
/interface l2tp-server server
set enabled=yes ipsec-secret=S3cr3t-ro-l2tp use-ipsec=yes
/ip address
add address=192.168.88.1/24 interface=bridge
/ip firewall address-list
add address=198.51.100.0/24 list=vendors
/ip firewall filter
add action=accept chain=input connection-state=established,related
add action=accept chain=input dst-port=22,8291 in-interface-list=WAN protocol=tcp \
    src-address-list=vendors
add action=drop chain=input in-interface-list=WAN
/ip service
set telnet disabled=yes
set ftp disabled=yes
set www address=192.168.88.0/24
set ssh port=2200
set api disabled=yes
set api-ssl disabled=yes
/ppp secret
add name=doctor password=S3cr3t-ro-ppp service=l2tp
/radius
add address=10.0.0.9 secret=S3cr3t-ro-radius service=login
/snmp
set contact="call S3cr3t-ro-contact" enabled=yes
/system identity
set name=HOSP-MT
/user
add group=full name=sato password=S3cr3t-ro-user
/tool e-mail
set password=S3cr3t-ro-mail
